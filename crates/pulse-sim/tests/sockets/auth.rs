//! Tokens, tickets and rights, refused in the words of Proxmox VE.

use crate::common::{Lab, lab};
use pulse_sim::{Fleet, HostAgents, Tls};

async fn with(lab: &Lab, head: &str, path: &str) -> (u16, String) {
    let got = lab.send("GET", path, head, "").await.unwrap();
    (got.status, got.reason)
}

fn token(header: &str) -> String {
    format!("Authorization: {header}\r\n")
}

#[tokio::test]
async fn tokens_are_checked() {
    let lab = lab(Fleet::S, Tls::None).await;
    let id = lab.sim.api_token().id.clone();
    for (head, status, reason) in [
        (String::new(), 401, "No ticket"),
        (token("Bearer x"), 401, "No ticket"),
        (
            token("PVEAPIToken=monitor@pve!pulse:x"),
            401,
            "no tokenid specified",
        ),
        (
            token(&format!("PVEAPIToken={id}=wrong")),
            401,
            "invalid token value!",
        ),
        (
            token("PVEAPIToken=monitor@pve!ghost=x"),
            401,
            "no such token 'ghost' for user 'monitor@pve'",
        ),
        (
            token("PVEAPIToken=ghost@pve!x1=x"),
            401,
            "no such user ('ghost@pve')",
        ),
        (token(&lab.sim.api_token().header()), 200, "OK"),
        (
            "Cookie: PVEAuthCookie=PVE:x\r\n".into(),
            401,
            "permission denied - invalid PVE ticket",
        ),
    ] {
        let got = with(&lab, &head, "/version").await;
        assert_eq!(got, (status, reason.to_owned()), "{head}");
    }
}

#[tokio::test]
async fn a_login_gives_a_ticket_for_two_hours() {
    let lab = lab(Fleet::M, Tls::None).await;
    let (user, password) = (lab.sim.user(), lab.sim.password().to_owned());
    let wrong = lab
        .send("POST", "/access/ticket", "", "username=root@pam&password=x")
        .await
        .unwrap();
    assert_eq!(
        (wrong.status, wrong.reason.as_str()),
        (401, "authentication failure")
    );
    let missing = lab
        .send("POST", "/access/ticket", "", "username=root@pam")
        .await
        .unwrap();
    assert_eq!(
        missing.json()["errors"]["password"],
        "property is missing and it is not optional"
    );
    let json = format!(r#"{{"username":"{user}","password":"{password}"}}"#);
    let as_json = lab
        .send(
            "POST",
            "/access/ticket",
            "Content-Type: application/json\r\n",
            &json,
        )
        .await
        .unwrap();
    assert_eq!(as_json.status, 200);
    let form = format!("username={}&password={password}", user.replace('@', "%40"));
    let login = lab
        .send("POST", "/access/ticket", "", &form)
        .await
        .unwrap()
        .json();
    let ticket = login["data"]["ticket"].as_str().unwrap();
    assert_eq!(login["data"]["clustername"], "homelab");
    let cookie = format!("Cookie: PVEAuthCookie={ticket}\r\n");
    assert_eq!(with(&lab, &cookie, "/nodes").await.0, 200);

    let vm = lab
        .sim
        .guests(0)
        .into_iter()
        .find(|g| g.kind == "qemu")
        .unwrap();
    let ping = format!("/nodes/{}/qemu/{}/agent/ping", vm.node, vm.vmid);
    let refused = lab.send("POST", &ping, &cookie, "").await.unwrap();
    assert_eq!(refused.reason, "Permission denied - invalid csrf token");
    let csrf = login["data"]["CSRFPreventionToken"].as_str().unwrap();
    let head = format!("{cookie}CSRFPreventionToken: {csrf}\r\n");
    assert_ne!(
        lab.send("POST", &ping, &head, "").await.unwrap().status,
        401
    );

    lab.pass(7_201);
    assert_eq!(
        with(&lab, &cookie, "/nodes").await.1,
        "permission denied - invalid PVE ticket"
    );
}

#[tokio::test]
async fn lists_are_reduced_and_single_things_refused() {
    let lab = lab(Fleet::M, Tls::None).await;
    let nothing = token(&lab.sim.no_acl_token().header());
    let nodes = lab
        .send("GET", "/nodes", &nothing, "")
        .await
        .unwrap()
        .json();
    assert_eq!(nodes["data"].as_array().unwrap().len(), 4);
    assert!(nodes["data"][0].get("cpu").is_none());
    for path in [
        "/nodes/pve1/qemu",
        "/nodes/pve1/lxc",
        "/nodes/pve1/storage",
        "/nodes/pve1/tasks",
    ] {
        let got = lab.send("GET", path, &nothing, "").await.unwrap();
        assert_eq!(got.body, b"{\"data\":[]}", "{path}");
    }
    let status = with(&lab, &nothing, "/nodes/pve1/status").await;
    assert_eq!(
        status,
        (
            403,
            "Permission check failed (/nodes/pve1, Sys.Audit)".into()
        )
    );

    let auditor = token(&lab.sim.auditor_token().header());
    let vm = lab
        .sim
        .guests(0)
        .into_iter()
        .find(|g| g.kind == "qemu")
        .unwrap();
    let agent = format!("/nodes/{}/qemu/{}/agent/get-fsinfo", vm.node, vm.vmid);
    let refused = with(&lab, &auditor, &agent).await;
    assert_eq!(
        refused,
        (
            403,
            format!("Permission check failed (/vms/{}, VM.Monitor)", vm.vmid)
        )
    );
    let content = "/nodes/pve1/storage/nas-backup/content";
    assert_eq!(
        lab.send("GET", content, &auditor, "").await.unwrap().body,
        b"{\"data\":[]}"
    );
    assert!(lab.get(content).await.unwrap().body.len() > 1_000);
}

#[tokio::test]
async fn errors_are_those_of_the_recordings() {
    let lab = lab(Fleet::M, Tls::None).await;
    for (path, status, reason) in [
        (
            "/nodes/pve1/nosuch",
            501,
            "Method 'GET /nodes/pve1/nosuch' not implemented",
        ),
        (
            "/nodes/pve1/qemu/999/config",
            500,
            "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist",
        ),
        (
            "/nodes/pve1/qemu/abc/config",
            400,
            "Parameter verification failed.",
        ),
        ("/nodes/pve1/rrddata", 400, "Parameter verification failed."),
        (
            "/nodes/pve1/rrddata?timeframe=hour&ds=cpu",
            400,
            "Parameter verification failed.",
        ),
        (
            "/cluster/resources?type=bogus",
            400,
            "Parameter verification failed.",
        ),
        (
            "/nodes/pve1/storage/nosuch/content",
            500,
            "storage 'nosuch' does not exist",
        ),
        (
            "/nodes/pve1/storage/old-nas/content",
            500,
            "storage 'old-nas' is disabled",
        ),
        ("/pools/nosuch", 500, "pool 'nosuch' does not exist"),
        (
            "/cluster/ceph/status",
            500,
            "pveceph configuration not initialized - missing '/etc/pve/ceph.conf', missing '/etc/pve/ceph'",
        ),
        ("/nodes/pve1/lxc/999/interfaces", 200, "OK"),
    ] {
        let got = lab.get(path).await.unwrap();
        assert_eq!(
            (got.status, got.reason.as_str()),
            (status, reason),
            "{path}"
        );
    }
    let errors = lab
        .get("/nodes/pve1/rrddata?timeframe=minute")
        .await
        .unwrap()
        .json();
    assert_eq!(
        errors["errors"]["timeframe"],
        "value 'minute' does not have a value in the enumeration 'hour, day, week, month, year'"
    );
}

#[tokio::test]
async fn agents_report_over_a_few_connections() {
    // A simulated Proxmox server is not Pulse: it answers 200 with a web page, which is no success.
    let lab = lab(Fleet::S, Tls::SelfSigned).await;
    let every = std::time::Duration::from_millis(50);
    let agents = HostAgents::spawn(10, &lab.server.urls[0], "token", 1, every).unwrap();
    assert_eq!(agents.fleet().name(0), Some("pve1"));
    let enough = async {
        while agents.stats().refused < 30 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), enough)
        .await
        .unwrap();
    assert_eq!((agents.stats().accepted, agents.stats().failed), (0, 0));
}
