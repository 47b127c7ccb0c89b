//! SHA-256 of a leaf certificate in DER form.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// SHA-256 of the leaf certificate. Prints as PVE shows it: upper-case pairs joined by colons.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 fingerprint; enter 64 hexadecimal digits, with or without colons")]
pub struct FingerprintError;

impl Fingerprint {
    pub fn of_certificate(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// 64 lower-case digits without colons: the form v5 stores.
    pub fn to_hex(self) -> String {
        self.to_string().replace(':', "").to_ascii_lowercase()
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: Vec<u8> = text
            .bytes()
            .filter(|byte| !matches!(byte, b':' | b' ' | b'-' | b'\t' | b'\r' | b'\n'))
            .map(|byte| {
                (byte as char)
                    .to_digit(16)
                    .map(|d| d as u8)
                    .ok_or(FingerprintError)
            })
            .collect::<Result<_, _>>()?;
        let mut bytes = [0; 32];
        if digits.len() != bytes.len() * 2 {
            return Err(FingerprintError);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_written_forms_are_the_same_fingerprint() {
        let print = Fingerprint::of_certificate(b"certificate");
        for form in [
            print.to_string(),
            print.to_hex(),
            print.to_hex().to_uppercase(),
            format!(" {print}\n"),
        ] {
            assert_eq!(form.parse(), Ok(print), "{form}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "ab",
            "zz".repeat(32).as_str(),
            "é".repeat(32).as_str(),
            "ab".repeat(33).as_str(),
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError), "{text}");
        }
    }
}
