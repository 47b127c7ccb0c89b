import { Segmented } from "@/components/Segmented";
import { prefs, setPrefs } from "@/prefs/prefs";

export default function Appearance() {
  return (
    <>
      <div class="ph">
        <div>
          <h1>Appearance</h1>
          <p>Kept in this browser. It changes nothing for other people and stays after you log out.</p>
        </div>
      </div>
      <div class="scroll flex-1">
        <div class="form-rows">
          <div class="field justify-items-start">
            <span class="label">Theme</span>
            <Segmented
              label="Theme"
              value={prefs.theme}
              onChange={(value) => setPrefs("theme", value)}
              options={[
                { value: "system", label: "As the system" },
                { value: "light", label: "Light" },
                { value: "dark", label: "Dark" },
              ]}
            />
            <span class="help">More contrast follows the setting of the operating system.</span>
          </div>
          <div class="field justify-items-start">
            <span class="label">Density</span>
            <Segmented
              label="Density"
              value={prefs.density}
              onChange={(value) => setPrefs("density", value)}
              options={[
                { value: "normal", label: "Normal, 28 px rows" },
                { value: "compact", label: "Compact, 24 px rows" },
              ]}
            />
          </div>
          <div class="field justify-items-start">
            <span class="label">Values in tables</span>
            <Segmented
              label="Values in tables"
              value={prefs.view}
              onChange={(value) => setPrefs("view", value)}
              options={[
                { value: "bars", label: "Bars", icon: "bars" },
                { value: "trends", label: "Trends", icon: "trend" },
              ]}
            />
          </div>
          <div class="field justify-items-start">
            <span class="label">Temperatures</span>
            <Segmented
              label="Temperatures"
              value={prefs.fahrenheit ? "f" : "c"}
              onChange={(value) => setPrefs("fahrenheit", value === "f")}
              options={[
                { value: "c", label: "°C" },
                { value: "f", label: "°F" },
              ]}
            />
          </div>
        </div>
      </div>
    </>
  );
}
