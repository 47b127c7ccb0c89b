import { A, useLocation } from "@solidjs/router";
import { SignalArt } from "@/components/Icon";

export default function NotFound() {
  const location = useLocation();
  return (
    <div class="empty">
      <SignalArt />
      <h2>There is no such page</h2>
      <p>
        Nothing is at <span class="mono">{location.pathname}</span>.
      </p>
      <div class="row">
        <A class="btn" data-kind="primary" href="/proxmox/overview">
          Go to the overview
        </A>
      </div>
    </div>
  );
}
