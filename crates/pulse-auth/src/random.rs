//! Random values and hashes of secrets.

use pulse_core::Secret;
use rand::RngCore as _;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// `N` random bytes in lower-case hex.
pub fn hex_secret<const N: usize>() -> Secret {
    let mut bytes = [0_u8; N];
    rand::rng().fill_bytes(&mut bytes);
    Secret::new(hex::encode(bytes))
}

pub fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

pub fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}
