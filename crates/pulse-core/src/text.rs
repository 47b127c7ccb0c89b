//! Small rules about text from outside.

/// Splits a Proxmox tag list. PVE accepts `;`, `,` and blanks between tags.
pub fn split_tags(raw: &str) -> Vec<String> {
    raw.split([';', ',', ' ', '\t'])
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether two host names mean the same machine: equal without regard to case, in full or before
/// the first dot.
pub fn same_hostname(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim(), b.trim());
    if a.is_empty() || b.is_empty() {
        return false;
    }
    let short = |s: &str| s.split('.').next().unwrap_or(s).to_lowercase();
    a.eq_ignore_ascii_case(b) || short(a) == short(b)
}

#[cfg(test)]
mod tests {
    use super::{same_hostname, split_tags};

    #[test]
    fn tags_may_be_separated_by_any_of_the_accepted_characters() {
        assert_eq!(
            split_tags("prod; web,  db dev"),
            ["prod", "web", "db", "dev"]
        );
        assert!(split_tags(" ; ").is_empty());
    }

    #[test]
    fn host_names_match_in_full_or_short_form() {
        assert!(same_hostname("PVE1", "pve1.lan"));
        assert!(same_hostname("pve1.lan", "pve1.example"));
        assert!(!same_hostname("pve1", "pve10"));
        assert!(!same_hostname("", "pve1"));
    }
}
