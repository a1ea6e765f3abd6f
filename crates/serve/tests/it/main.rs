//! The protocol over a real lake, byte by byte: what drivers rely on and hide.

mod client;
mod copying;
mod extended;
mod lifecycle;
mod simple;
