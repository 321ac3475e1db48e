//! A proxy that speaks TLS in front of a playground, with an authority of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

/// Whom the proxy lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clients {
    /// Anybody.
    Any,
    /// Those with a certificate of the proxy's authority.
    Certified,
}

/// A certificate and its key.
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// The proxy. It ends with the test's runtime.
pub(super) struct Proxy {
    pub(super) addr: SocketAddr,
    /// Certificate of its authority.
    pub(super) authority: String,
    /// A client that it knows.
    pub(super) client: Identity,
}

impl Proxy {
    /// Starts a proxy for the server at this URL.
    pub(super) async fn start(target: &str, clients: Clients) -> Self {
        // A second provider would be the only reason to fail.
        rustls::crypto::ring::default_provider().install_default().ok();
        let authority = authority();
        let (config, client) = (config(&authority, clients), client(&authority));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let target: SocketAddr = target.strip_prefix("http://").unwrap().parse().unwrap();
        let tasks = TaskTracker::new();
        let connections = tasks.clone();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(connect(acceptor.clone(), stream, target));
            }
        });
        Self {
            addr,
            authority: authority.pem(),
            client,
        }
    }
}

/// Carries one connection; a client that is refused is none of the proxy's worries.
async fn connect(acceptor: TlsAcceptor, stream: TcpStream, target: SocketAddr) {
    let Ok(mut near) = acceptor.accept(stream).await else {
        return;
    };
    let mut far = TcpStream::connect(target).await.unwrap();
    tokio::io::copy_bidirectional(&mut near, &mut far).await.ok();
}

/// A certificate authority.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn client(authority: &CertifiedIssuer<'_, KeyPair>) -> Identity {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "dogwatch");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    Identity {
        certificate: params.signed_by(&key, authority).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

fn config(authority: &CertifiedIssuer<'_, KeyPair>, clients: Clients) -> ServerConfig {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap().der().clone();
    let builder = ServerConfig::builder();
    let builder = match clients {
        Clients::Any => builder.with_no_client_auth(),
        Clients::Certified => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    builder.with_single_cert(vec![certificate], key).unwrap()
}
