//! Encryption at rest and keyed digests, from one 32-byte key in `secret.key`.
//!
//! A sealed value is base64 of `version(1) ‖ nonce[24] ‖ ciphertext ‖ tag[16]`, XChaCha20-Poly1305.
//! Table, column and row are associated data, so a value moved to another place does not open.
//! The key is created once and never replaced; the database holds a check value that tells a lost
//! or foreign key from damaged data.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use pulse_core::Secret;
use rand::RngCore as _;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Result, StoreError};
use crate::files;

const VERSION: u8 = 1;
const NONCE: usize = 24;

/// Where a sealed value lives.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub table: &'a str,
    pub column: &'a str,
    pub row: &'a str,
}

impl Place<'_> {
    fn associated_data(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for part in [self.table, self.column, self.row] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part.as_bytes());
        }
        data
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} of {}", self.table, self.column, self.row)
    }
}

pub struct Vault {
    cipher: XChaCha20Poly1305,
    digest_key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault([redacted])")
    }
}

impl Vault {
    pub fn new(mut key: [u8; 32]) -> Self {
        let mut encryption = hmac(&key, &[b"pulse encryption v1"]);
        let digest_key = Zeroizing::new(hmac(&key, &[b"pulse digest v1"]));
        key.zeroize();
        let cipher = XChaCha20Poly1305::new(&encryption.into());
        encryption.zeroize();
        Self { cipher, digest_key }
    }

    /// Reads `path`, or creates it when it is missing and nothing was encrypted yet.
    pub(crate) fn open(path: &Path, encrypted_data_exists: bool) -> Result<Self> {
        if !path.exists() {
            if encrypted_data_exists {
                return Err(StoreError::KeyLost {
                    path: path.to_owned(),
                });
            }
            let mut key = Zeroizing::new([0_u8; 32]);
            rand::rng().fill_bytes(key.as_mut());
            files::create_private(path, key.as_ref())?;
        }
        files::ensure_private_file(path)?;
        let bytes = Zeroizing::new(std::fs::read(path).map_err(StoreError::io(path))?);
        let key: [u8; 32] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| StoreError::KeyMalformed {
                path: path.to_owned(),
                found: bytes.len(),
            })?;
        Ok(Self::new(key))
    }

    /// Identifies the key without revealing it.
    pub(crate) fn check_value(&self) -> String {
        hex::encode(self.digest("key check", b""))
    }

    /// HMAC-SHA256 under a key that is derived from `secret.key`; `label` separates purposes.
    pub fn digest(&self, label: &str, data: &[u8]) -> [u8; 32] {
        let length = (label.len() as u64).to_be_bytes();
        hmac(self.digest_key.as_ref(), &[&length, label.as_bytes(), data])
    }

    pub fn seal(&self, place: Place<'_>, secret: &Secret) -> Result<String> {
        let mut nonce = [0_u8; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload {
            msg: secret.expose().as_bytes(),
            aad: &place.associated_data(),
        };
        let sealed = self
            .cipher
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| StoreError::corrupt(place.to_string(), "too long to encrypt"))?;
        let mut bytes = Vec::with_capacity(1 + NONCE + sealed.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(STANDARD.encode(bytes))
    }

    pub fn open_sealed(&self, place: Place<'_>, sealed: &str) -> Result<Secret> {
        let undecryptable = || StoreError::Undecryptable {
            place: place.to_string(),
        };
        let bytes = STANDARD.decode(sealed).map_err(|_| undecryptable())?;
        let (version, rest) = bytes.split_first().ok_or_else(undecryptable)?;
        if *version != VERSION || rest.len() < NONCE {
            return Err(undecryptable());
        }
        let (nonce, ciphertext) = rest.split_at(NONCE);
        let payload = Payload {
            msg: ciphertext,
            aad: &place.associated_data(),
        };
        let plain = self
            .cipher
            .decrypt(XNonce::from_slice(nonce), payload)
            .map_err(|_| undecryptable())?;
        let text = String::from_utf8(plain).map_err(|error| {
            error.into_bytes().zeroize();
            undecryptable()
        })?;
        Ok(Secret::new(text))
    }

    /// An empty secret is stored as an empty string, so that "none" needs no decryption.
    pub(crate) fn seal_optional(&self, place: Place<'_>, secret: &Secret) -> Result<String> {
        if secret.is_empty() {
            return Ok(String::new());
        }
        self.seal(place, secret)
    }

    pub(crate) fn open_optional(&self, place: Place<'_>, sealed: &str) -> Result<Secret> {
        if sealed.is_empty() {
            return Ok(Secret::default());
        }
        self.open_sealed(place, sealed)
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length; the error type exists for other MACs.
    let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(row: &str) -> Place<'_> {
        Place {
            table: "nodes",
            column: "password",
            row,
        }
    }

    #[test]
    fn opens_only_in_its_own_place() {
        let vault = Vault::new([7; 32]);
        let sealed = vault.seal(place("a"), &Secret::new("hunter2")).unwrap();
        assert!(!sealed.contains("hunter2"));
        assert_eq!(
            vault.open_sealed(place("a"), &sealed).unwrap().expose(),
            "hunter2"
        );
        assert!(vault.open_sealed(place("b"), &sealed).is_err());
        assert!(
            Vault::new([8; 32])
                .open_sealed(place("a"), &sealed)
                .is_err()
        );
    }

    #[test]
    fn same_text_never_seals_to_the_same_bytes() {
        let vault = Vault::new([7; 32]);
        let secret = Secret::new("x");
        assert_ne!(
            vault.seal(place("a"), &secret).unwrap(),
            vault.seal(place("a"), &secret).unwrap()
        );
    }

    proptest::proptest! {
        #[test]
        fn foreign_bytes_never_open(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            let vault = Vault::new([7; 32]);
            let sealed = STANDARD.encode(bytes);
            proptest::prop_assert!(vault.open_sealed(place("a"), &sealed).is_err());
        }
    }
}
