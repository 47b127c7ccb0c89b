//! The whole report on recorded trees of `/proc` and `/sys`.
