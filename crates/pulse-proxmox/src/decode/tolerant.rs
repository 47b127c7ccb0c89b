//! Structs whose every field is read leniently.
//!
//! [`tolerant!`] writes the serde attributes: a missing key, a null and an unusable value all read
//! as unknown, so that one bad field never costs its element.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::scalar::{Reading, Scalar};

thread_local! {
    // Decoding is synchronous, so the counter belongs to one element at a time.
    static ODD: Cell<u64> = const { Cell::new(0) };
}

pub(super) fn reset_odd_values() {
    ODD.set(0);
}

pub(super) fn odd_values() -> u64 {
    ODD.get()
}

fn odd() {
    ODD.set(ODD.get() + 1);
}

/// A type that can be read from any JSON value; unusable ones give `None`.
pub trait Lenient: Sized {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error>;
}

/// A field of a tolerant struct: `Option<T>`, or a type with an empty value.
pub trait Field: Sized {
    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

impl<T: Lenient> Field for Option<T> {
    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer)
    }
}

/// For `#[serde(deserialize_with)]`.
pub fn lenient<'de, D: Deserializer<'de>, F: Field>(deserializer: D) -> Result<F, D::Error> {
    F::read_field(deserializer)
}

fn settle<T>(reading: Reading<T>) -> Option<T> {
    match reading {
        Reading::Value(value) => Some(value),
        Reading::Unknown => None,
        Reading::Odd => {
            odd();
            None
        }
    }
}

macro_rules! lenient_scalar {
    ($($type:ty, $read:expr;)*) => {$(
        impl Lenient for $type {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
                let read: fn(Scalar) -> Reading<$type> = $read;
                Scalar::read(deserializer).map(|scalar| settle(read(scalar)))
            }
        }
    )*};
}

lenient_scalar! {
    u64, |scalar| scalar.as_u64();
    i64, |scalar| scalar.as_i64();
    f64, |scalar| scalar.as_f64();
    bool, |scalar| scalar.as_bool();
    String, Scalar::into_text;
    u32, |scalar| match scalar.as_i64() {
        Reading::Value(value) => u32::try_from(value).map_or(Reading::Unknown, Reading::Value),
        Reading::Unknown => Reading::Unknown,
        Reading::Odd => Reading::Odd,
    };
}

macro_rules! empty_when_unknown {
    ($($type:ty),*) => {$(
        impl Field for $type {
            fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(<$type>::read(deserializer)?.unwrap_or_default())
            }
        }
    )*};
}

empty_when_unknown!(String, u32, bool);

impl<T: Lenient> Field for Vec<T> {
    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::read(deserializer)?.unwrap_or_default())
    }
}

impl<T: Lenient> Field for BTreeMap<String, T> {
    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::read(deserializer)?.unwrap_or_default())
    }
}

impl<T: Lenient> Lenient for Vec<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        deserializer.deserialize_any(SeqVisitor(PhantomData))
    }
}

impl<T: Lenient> Lenient for BTreeMap<String, T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        deserializer.deserialize_any(MapVisitor(PhantomData))
    }
}

impl<T: Lenient> Lenient for Box<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        Ok(T::read(deserializer)?.map(Box::new))
    }
}

/// Reads an object as `T`, anything else as unknown.
pub(crate) fn read_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

/// One value inside a list or map.
struct Item<T>(Option<T>);

impl<'de, T: Lenient> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self)
    }
}

/// Everything that is neither the wanted structure nor "unknown" is odd.
macro_rules! otherwise_unknown {
    ($value:ty; $($structure:ident),*) => {
        type Value = Option<$value>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            odd();
            Ok(None)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            odd();
            Ok(None)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            odd();
            Ok(None)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            odd();
            Ok(None)
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            if !text.is_empty() {
                odd();
            }
            Ok(None)
        }
        $(otherwise_unknown!(@$structure);)*
    };
    (@seq) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            odd();
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(None)
        }
    };
    (@map) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            odd();
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(None)
        }
    };
}

struct SeqVisitor<T>(PhantomData<T>);

impl<'de, T: Lenient> Visitor<'de> for SeqVisitor<T> {
    otherwise_unknown!(Vec<T>; map);

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Item(item)) = seq.next_element::<Item<T>>()? {
            items.extend(item);
        }
        Ok(Some(items))
    }
}

struct MapVisitor<T>(PhantomData<T>);

impl<'de, T: Lenient> Visitor<'de> for MapVisitor<T> {
    otherwise_unknown!(BTreeMap<String, T>; seq);

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut items = BTreeMap::new();
        while let Some((key, Item(item))) = map.next_entry::<String, Item<T>>()? {
            if let Some(item) = item {
                items.insert(key, item);
            }
        }
        Ok(Some(items))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    otherwise_unknown!(T; seq);

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// Declares a struct of lenient fields. Field types are `Option<…>`, or those with an empty value
/// (`String`, `u32`, `bool`, `Vec`, `BTreeMap`).
macro_rules! tolerant {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$field_meta:meta])* pub $field:ident : $type:ty ),* $(,)?
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(default, deserialize_with = "crate::decode::lenient")]
                pub $field: $type,
            )*
        }

        impl $crate::decode::Lenient for $name {
            fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
                $crate::decode::read_object(deserializer)
            }
        }
    )*};
}
pub(crate) use tolerant;
