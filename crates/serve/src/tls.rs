//! Certificates for encrypted connections.

use crate::error::ServeError;
use pgwire::tokio::TlsAcceptor;
use pgwire::tokio::tokio_rustls::rustls::ServerConfig;
use pgwire::tokio::tokio_rustls::rustls::crypto::ring::default_provider;
use pgwire::tokio::tokio_rustls::rustls::pki_types::pem::PemObject;
use pgwire::tokio::tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// PEM files of a certificate with its chain, and of its private key.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, followed by those that sign it.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Reads the files.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, ServeError> {
        let unusable = |path: &Path, reason: String| ServeError::Tls { path: path.to_path_buf(), reason };
        let certificates = CertificateDer::pem_file_iter(&self.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|e| unusable(&self.cert, e.to_string()))?;
        if certificates.is_empty() {
            return Err(unusable(&self.cert, "there is no certificate in it".into()));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| unusable(&self.key, e.to_string()))?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
            .map_err(|e| unusable(&self.cert, e.to_string()))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
