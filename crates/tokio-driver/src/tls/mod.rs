//! TLS under a connection, by rustls: the feature `tls`.
//!
//! [`connect`](crate::connect()) does it for `wss://`, with what the platform trusts or with [`Connect::tls`](crate::Connect::tls). A server
//! has [`serve_tls`](crate::serve_tls), or hands a [`TlsStream`] to [`accept`](crate::accept()).
//!
//! Beside `Config::max_memory()`, a connection holds what rustls does: at most 64 KiB that wait to be sent, one record that is not whole, and the plaintext of
//! one.
//!
//! There is no switch that turns verification off. To trust something else, [`trusting`] it, or bring a `ClientConfig` of your own.

mod config;
mod fault;
mod stream;

pub use config::{PemError, platform, server_config, trusting};
pub use rustls;
pub use stream::TlsStream;

pub(crate) use config::for_connections;
pub(crate) use fault::explain;
