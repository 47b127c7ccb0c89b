//! Ranges, with the words that version 5 uses for them.

use std::net::IpAddr;

use super::BadSetting;

pub type Checked<T> = Result<T, BadSetting>;

fn bad<T>(text: impl Into<String>) -> Checked<T> {
    Err(BadSetting(text.into()))
}

/// 10 to 3600 seconds.
pub fn polling(name: &str, value: Option<i64>, default: u32) -> Checked<u32> {
    match value {
        None => Ok(default),
        Some(..=0) => bad(format!("{name} must be positive (minimum 10 seconds)")),
        Some(1..=9) => bad(format!("{name} must be at least 10 seconds")),
        Some(seconds @ 10..=3600) => Ok(seconds as u32),
        Some(_) => bad(format!("{name} cannot exceed 3600 seconds (1 hour)")),
    }
}

/// 0 (by cycles) or 10 seconds to 7 days.
pub fn backup_polling(value: Option<i64>) -> Checked<u32> {
    match value.unwrap_or(0) {
        ..=-1 => bad("backup polling interval cannot be negative"),
        1..=9 => bad("backup polling interval must be at least 10 seconds"),
        seconds @ (0 | 10..=604_800) => Ok(seconds as u32),
        _ => bad("backup polling interval cannot exceed 604800 seconds (7 days)"),
    }
}

/// 0 (the default) or 1 to 300 seconds.
pub fn connection_timeout(value: Option<i64>) -> Checked<u32> {
    match value.unwrap_or(0) {
        ..=-1 => bad("connection timeout cannot be negative"),
        0 => Ok(60),
        seconds @ 1..=300 => Ok(seconds as u32),
        _ => bad("connection timeout cannot exceed 300 seconds (5 minutes)"),
    }
}

/// 0 (the default) or 1 to 168 hours.
pub fn update_interval(value: Option<i64>) -> Checked<u32> {
    match value.unwrap_or(0) {
        ..=-1 => bad("auto-update check interval cannot be negative"),
        0 => Ok(24),
        hours @ 1..=168 => Ok(hours as u32),
        _ => bad("auto-update check interval cannot exceed 168 hours (7 days)"),
    }
}

/// A plain range; 0 means the default.
pub fn range(
    name: &str,
    value: Option<i64>,
    default: u32,
    allowed: std::ops::RangeInclusive<u32>,
) -> Checked<u32> {
    match value {
        None | Some(0) => Ok(default),
        Some(value) => match u32::try_from(value) {
            Ok(value) if allowed.contains(&value) => Ok(value),
            _ => bad(format!(
                "{name} must be between {} and {}",
                allowed.start(),
                allowed.end()
            )),
        },
    }
}

pub fn one_of(value: Option<&str>, allowed: &[&str], message: &str) -> Checked<String> {
    let value = value.unwrap_or_default();
    if value.is_empty() || allowed.contains(&value) {
        return Ok(value.to_owned());
    }
    bad(message)
}

/// `HH:MM`; empty means the default.
pub fn time_of_day(value: Option<&str>) -> Checked<String> {
    let Some(text) = value.filter(|text| !text.is_empty()) else {
        return Ok("03:00".to_owned());
    };
    let two_digits = |part: &str, below: u32| {
        part.len() == 2
            && part.bytes().all(|b| b.is_ascii_digit())
            && part.parse::<u32>().is_ok_and(|n| n < below)
    };
    match text.split_once(':') {
        Some((hours, minutes)) if two_digits(hours, 24) && two_digits(minutes, 60) => {
            Ok(text.to_owned())
        }
        _ => bad("auto-update time must be a time of day such as 03:00"),
    }
}

/// An http or https address; empty means none.
pub fn url(name: &str, value: Option<&str>) -> Checked<String> {
    let text = value.unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let plausible = rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
    });
    if plausible {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    bad(format!("{name} must be an http:// or https:// address"))
}

/// A comma list of addresses and networks.
pub fn networks(message: &str, value: Option<&str>) -> Checked<String> {
    let text = value.unwrap_or_default();
    for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
        if !is_network(entry) {
            let kind = if entry.contains('/') { "CIDR" } else { "IP" };
            return bad(format!("{message}: invalid {kind} address: {entry}"));
        }
    }
    Ok(text.to_owned())
}

/// An address with or without a prefix length.
pub fn is_network(text: &str) -> bool {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    length.is_none_or(|length| length.parse::<u8>().is_ok_and(|n| n <= longest))
}

/// `auto`, or a comma list of networks; empty means `auto`.
pub fn subnet(value: Option<&str>) -> Checked<String> {
    let text = value.unwrap_or_default().trim();
    if text.is_empty() || text.eq_ignore_ascii_case("auto") {
        return Ok("auto".to_owned());
    }
    match text.split(',').map(str::trim).find(|e| !is_network(e)) {
        None => Ok(text.to_owned()),
        Some(entry) => bad(format!("invalid discovery subnet: {entry}")),
    }
}

/// Origins of a comma list: `*`, or scheme and host without a path.
pub fn origins(name: &str, value: Option<&str>) -> Checked<String> {
    let text = value.unwrap_or_default();
    for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
        let plausible = entry == "*"
            || entry.split_once("://").is_some_and(|(scheme, host)| {
                matches!(scheme, "http" | "https")
                    && !host.is_empty()
                    && !host.trim_end_matches('/').contains(['/', ' ', ';'])
            });
        if !plausible {
            return bad(format!(
                "{name}: {entry} is not an origin such as https://host:port"
            ));
        }
    }
    Ok(text.to_owned())
}
