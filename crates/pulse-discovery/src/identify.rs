//! Which product answered, from what it says about itself without a login.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    Pve,
    Pbs,
    Pmg,
}

/// What a server said over TLS.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The page at `/`, as text.
    pub page: String,
    /// `Server`, `Proxmox-Product`, `WWW-Authenticate` and the names of cookies, of all answers.
    pub headers: String,
    /// Status of the anonymous `GET /api2/json/version`, if it was asked.
    pub version_status: Option<u16>,
}

/// Text of the page's title, as far as there is one.
fn title(page: &str) -> &str {
    let Some((_, rest)) = page.split_once("<title>") else {
        return "";
    };
    rest.split_once("</title>").map_or("", |(title, _)| title)
}

fn named(text: &str) -> Option<Product> {
    let text = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["mail gateway", "mailgateway", "pmgauth", "pmg"]) {
        Some(Product::Pmg)
    } else if says(&["backup server", "pbsauth", "proxmox-backup", "pbs"]) {
        Some(Product::Pbs)
    } else if says(&["virtual environment", "pveauth", "pve"]) {
        Some(Product::Pve)
    } else {
        None
    }
}

/// The title is the best witness: a mail gateway runs the same web server as Proxmox VE and names
/// itself `pve` in a header.
pub fn of_page(evidence: &Evidence) -> Option<Product> {
    let title = title(&evidence.page);
    title
        .to_ascii_lowercase()
        .contains("proxmox")
        .then(|| named(title))
        .flatten()
}

/// The product, or nothing when no answer names one.
pub fn identify(evidence: &Evidence) -> Option<Product> {
    of_page(evidence).or_else(|| {
        // An API that wants a login, or answers, and a header that says whose it is.
        let api = matches!(evidence.version_status, Some(200 | 401 | 403));
        api.then(|| named(&evidence.headers)).flatten()
    })
}

/// Name of the machine in the title: `pve1 - Proxmox Virtual Environment`.
pub fn hostname(evidence: &Evidence) -> Option<String> {
    let (name, _) = title(&evidence.page).split_once(" - ")?;
    let name = name.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    (!name.is_empty() && name.len() <= 253 && name.chars().all(plain)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(page: &str, headers: &str, status: Option<u16>, expect: Option<Product>) {
        let evidence = Evidence {
            page: page.to_owned(),
            headers: headers.to_owned(),
            version_status: status,
        };
        assert_eq!(identify(&evidence), expect, "{page} {headers} {status:?}");
    }

    #[test]
    fn products_are_told_apart() {
        use Product::{Pbs, Pmg, Pve};
        let pve = "<html><head><title>alpha - Proxmox Virtual Environment</title>";
        let pmg = "<title>mx1 - Proxmox Mail Gateway</title>";
        let pbs = "<title>store - Proxmox Backup Server</title>";
        check(pve, "", None, Some(Pve));
        check(pmg, "pve-api-daemon/3.0", None, Some(Pmg));
        check(pbs, "", None, Some(Pbs));
        // X30, X31: without a page.
        check("", "pve-api-daemon/3.0", Some(401), Some(Pve));
        check("", "pve-api-daemon/3.0 PMGAuthCookie", Some(401), Some(Pmg));
        // Not a Proxmox API.
        check("<title>pve fans - forum</title>", "nginx", Some(401), None);
        check("", "pve-api-daemon/3.0", Some(404), None);
        check("", "nginx", Some(200), None);
    }

    #[test]
    fn the_title_names_the_machine() {
        let of = |page: &str| {
            hostname(&Evidence {
                page: page.to_owned(),
                ..Evidence::default()
            })
        };
        let page = "<title>alpha - Proxmox Virtual Environment</title>";
        assert_eq!(of(page).as_deref(), Some("alpha"));
        assert_eq!(of("<title>a<b - Proxmox</title>"), None);
        assert_eq!(of("<title>Proxmox</title>"), None);
    }

    proptest! {
        #[test]
        fn any_page_is_read(page in "(\\PC|<title>|</title>| - |é){0,40}") {
            let evidence = Evidence { page, ..Evidence::default() };
            identify(&evidence);
            hostname(&evidence);
        }
    }
}
