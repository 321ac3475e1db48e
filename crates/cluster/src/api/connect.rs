//! Where the cluster is: a kubeconfig context, the Pod's own service account, or an URL.

use std::time::Duration;

use domain::Redactor;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use secrecy::SecretString;

use crate::api::client::{ClusterReader, Limits};

/// Where to find the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A context of the kubeconfig; `None` takes the service account inside a Pod, else the current context.
    Context(Option<String>),
    /// A plain URL without authentication (the playground).
    Url(String),
}

/// Why no client could be made. Each is a mistake in the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The named context is not in the kubeconfig.
    #[error("context `{name}` is not in the kubeconfig (it has: {known})")]
    UnknownContext {
        /// The context that was asked for.
        name: String,
        /// The contexts that there are.
        known: String,
    },
    /// The kubeconfig cannot be read or lacks something.
    #[error("kubeconfig: {0}")]
    Kubeconfig(String),
    /// Neither a kubeconfig nor a service account was found.
    #[error(
        "no cluster is configured: {0}; name one with --context, or look at a saved one with --world DIR"
    )]
    NoCluster(String),
    /// The URL is not one.
    #[error("`{url}` is not a cluster URL: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS or authentication settings were refused.
    #[error("cannot set up the connection: {0}")]
    Client(String),
}

impl ClusterReader {
    /// Connects to a target. No request is sent yet.
    pub async fn connect(target: &Target, redactor: Redactor, limits: Limits) -> Result<Self, ConnectError> {
        let (mut config, name) = match target {
            Target::Url(url) => {
                let uri = url
                    .parse()
                    .map_err(|error: http::uri::InvalidUri| ConnectError::Url {
                        url: url.clone(),
                        reason: error.to_string(),
                    })?;
                (Config::new(uri), "playground".to_owned())
            }
            Target::Context(Some(context)) => (from_context(context).await?, context.clone()),
            Target::Context(None) => from_surroundings().await?,
        };
        config.connect_timeout = Some(Duration::from_secs(5));
        config.read_timeout = Some(limits.deadline * 2);
        config.default_retry = false;
        let client = Client::try_from(config).map_err(|error| ConnectError::Client(error.to_string()))?;
        Ok(Self::new(client, &name, redactor, limits))
    }
}

async fn from_context(context: &str) -> Result<Config, ConnectError> {
    let kubeconfig = Kubeconfig::read().map_err(|error| ConnectError::Kubeconfig(error.to_string()))?;
    if !kubeconfig.contexts.iter().any(|known| known.name == context) {
        let known = kubeconfig
            .contexts
            .iter()
            .map(|known| known.name.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        return Err(ConnectError::UnknownContext {
            name: context.to_owned(),
            known,
        });
    }
    let options = KubeConfigOptions {
        context: Some(context.to_owned()),
        ..KubeConfigOptions::default()
    };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| ConnectError::Kubeconfig(error.to_string()))?;
    trim_token_file(&mut config.auth_info);
    Ok(config)
}

/// Takes the token out of a file with white space around it, as client-go does: kube would send it as it is. Such
/// files are written by people; those that a system writes and renews have none and stay with kube, which reads them
/// again.
fn trim_token_file(auth: &mut AuthInfo) {
    let Some(path) = auth.token_file.as_ref().filter(|_| auth.token.is_none()) else {
        return;
    };
    let Ok(content) = std::fs::read_to_string(path) else {
        return;
    };
    let token = content.trim();
    if token != content {
        auth.token = Some(SecretString::from(token));
    }
}

async fn from_surroundings() -> Result<(Config, String), ConnectError> {
    if let Ok(config) = Config::incluster() {
        return Ok((config, "in-cluster".to_owned()));
    }
    let kubeconfig = match Kubeconfig::read() {
        Ok(kubeconfig) => kubeconfig,
        Err(error @ (KubeconfigError::FindPath | KubeconfigError::ReadConfig(..))) => {
            return Err(ConnectError::NoCluster(error.to_string()));
        }
        Err(error) => return Err(ConnectError::Kubeconfig(error.to_string())),
    };
    let name = kubeconfig.current_context.clone().unwrap_or_default();
    if name.is_empty() {
        return Err(ConnectError::NoCluster(
            "the kubeconfig has no current context".to_owned(),
        ));
    }
    Ok((from_context(&name).await?, name))
}
