//! Hashed randomness: the same key and number always give the same value.
//!
//! Nothing in the simulation draws from a generator with state. A value is a hash of what it
//! belongs to, so it can be asked for any resource at any time in any order.

/// Mixes a key with a number into 64 evenly spread bits (the finaliser of SplitMix64).
pub fn mix(key: u64, n: u64) -> u64 {
    let mut z = key ^ n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A value in [0, 1).
pub fn unit(key: u64, n: u64) -> f64 {
    (mix(key, n) >> 11) as f64 / (1u64 << 53) as f64
}

/// A value in [low, high).
pub fn between(key: u64, n: u64, low: f64, high: f64) -> f64 {
    low + unit(key, n) * (high - low)
}

/// One element of a list that is not empty.
pub fn pick<T: Copy>(key: u64, n: u64, from: &[T]) -> T {
    from[(mix(key, n) % from.len() as u64) as usize]
}

/// True with the given probability.
pub fn chance(key: u64, n: u64, probability: f64) -> bool {
    unit(key, n) < probability
}

/// Smooth noise in [0, 1] that takes a new hashed value every `period` seconds.
pub fn smooth(key: u64, t: f64, period: f64) -> f64 {
    let (from, to, part) = span(key, t, period);
    from + (to - from) * ease(part)
}

/// The slope of [`smooth`] per second.
pub fn smooth_slope(key: u64, t: f64, period: f64) -> f64 {
    let (from, to, part) = span(key, t, period);
    (to - from) * ease_slope(part) / period
}

/// The hashed values before and after `t`, and how far `t` is between them.
fn span(key: u64, t: f64, period: f64) -> (f64, f64, f64) {
    let at = t / period;
    let step = at.floor();
    let n = step as i64;
    (unit(key, n as u64), unit(key, (n + 1) as u64), at - step)
}

/// From 0 to 1 with level ends (3u² − 2u³), clamped outside.
pub fn ease(u: f64) -> f64 {
    let u = u.clamp(0.0, 1.0);
    u * u * (3.0 - 2.0 * u)
}

/// The slope of [`ease`].
pub fn ease_slope(u: f64) -> f64 {
    if (0.0..1.0).contains(&u) {
        6.0 * u * (1.0 - u)
    } else {
        0.0
    }
}
