//! To come.

pub(crate) mod fragment;
