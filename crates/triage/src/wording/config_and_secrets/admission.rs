//! Wordings of admission: accounts, security contexts, webhooks; and of objects that hang in deletion.

use crate::wording::Pattern;
use crate::wording::Place::{Condition, Event, Log, Status, Waiting};

const ACCOUNT: &[&str] = &["config-and-secrets/service-account-missing"];
const SECURITY: &[&str] = &["config-and-secrets/security-context-rejected"];
const BLOCKING: &[&str] = &["config-and-secrets/webhook-blocking"];
const AUTHORITY: &[&str] = &[
    "config-and-secrets/webhook-ca-mismatch",
    "config-and-secrets/secret-rotated-stale",
];
const MUTATING: &[&str] = &["config-and-secrets/webhook-mutating"];
const FINALIZER: &[&str] = &["config-and-secrets/finalizer-stuck"];

const fn said(mechanisms: &'static [&'static str], message: &'static str) -> Pattern {
    Pattern {
        mechanisms,
        places: &[Event, Condition, Status, Waiting, Log],
        reasons: &[],
        message,
    }
}

/// The wordings.
pub(crate) const PATTERNS: &[Pattern] = &[
    // k8s.io/kubernetes, plugin/pkg/admission/serviceaccount/admission.go; token requests of the kubelet.
    said(
        ACCOUNT,
        r#"(?i)error looking up service account (?P<namespace>[^/\s]+)/(?P<name>[^\s:]+): serviceaccounts? "[^"]+" not found|serviceaccounts? "(?P<account>[^"]+)" not found|failed to fetch token: serviceaccounts|service account \S+ (?:was not found|not found|does not exist|doesn't exist)|no API token found for service account"#,
    ),
    // k8s.io/pod-security-admission, admission/admission.go; kubelet, kuberuntime/security_context_others.go; OpenShift SCC; policies.
    said(
        SECURITY,
        r#"(?i)violates PodSecurity|violate PodSecurity|unable to validate against any (?:pod security policy|security context constraint)|forbidden by PodSecurityPolicy|container has runAsNonRoot and image|runAsUser breaks non-root policy|cannot verify user is non-root|Invalid value: \S+: must be in the ranges|Privileged containers are not allowed|Host(?: network|Network|Path| path| ports?| PID| IPC|PID|IPC)\S* (?:is |are )?not allowed|allowPrivilegeEscalation (?:!= false|.{0,20}not allowed)|unrestricted capabilities|(?:runAsNonRoot|seccompProfile|runAsUser|hostPath|capabilities|hostNetwork|privileged) .{0,60}(?:must (?:be |not be )?set|must be|is not allowed|not allowed)|must not set securityContext|securityContext\.\S+ (?:is )?(?:forbidden|not allowed|invalid)"#,
    ),
    // k8s.io/apiserver, pkg/admission/plugin/webhook/errors: ErrCallingWebhook ("failed calling webhook"), ToStatusErr ("denied the request").
    said(
        BLOCKING,
        r#"(?i)failed calling webhook "(?P<webhook>[^"]+)": .*(?:connection refused|i/o timeout|deadline exceeded|no endpoints available|not found|EOF|no route to host|no such host|did not respond|did not return|connection reset|error trying to reach|unable to connect|could not be reached|timed? ?out|timeout|network is unreachable|status code|server rejected|bad gateway|service unavailable|internal server error|proxyconnect|status 50\d|the server (?:could not|is currently|responded)|Internal error|expected webhook response|received invalid webhook|address is not allowed|host is down|context canceled|request canceled)"#,
    ),
    said(
        BLOCKING,
        r#"(?i)admission webhook "(?P<webhook>[^"]+)" denied the request|conversion webhook for .*(?:failed|refused|timeout|no endpoints|EOF|deadline)|failed calling webhook, failing (?:closed|open)|ValidatingAdmissionPolicy '[^']+' .*denied request|webhook .{0,60}(?:blocked|rejected|refused) (?:the )?(?:request|creation|admission)"#,
    ),
    said(
        AUTHORITY,
        r#"(?i)(?:failed calling webhook|conversion webhook for|webhook|call webhook).*(?:x509: |certificate signed by unknown authority|certificate is valid for|certificate is not valid for|legacy Common Name|unknown authority|failed to verify certificate|verification error|remote error: tls: bad certificate|unable to load root certificates|unable to parse bytes as PEM|caBundle|cannot validate certificate|doesn't contain any IP SANs|certificate is not trusted|certificate has expired)"#,
    ),
    said(
        AUTHORITY,
        r"(?i)http: TLS handshake error from \S+ (?:remote error: )?tls: (?:bad certificate|unknown certificate authority|unknown certificate)|remote error: tls: bad certificate|invalid caBundle|unable to load root certificates: unable to parse bytes as PEM block",
    ),
    // What an injected or altered pod runs into.
    said(
        MUTATING,
        r#"(?i)(?:volumes|containers|initContainers|env|ports|volumeMounts|mountPath)\S*: Duplicate value: "[^"]+"|(?:mutat\w+|injected|patched|altered|modified) (?:the )?pods?\b|(?:mutat\w+|sidecar injector|injection|inject\w*)\b.{0,60}(?:webhook|pod|container|sidecar|annotation|resources|image|field)|webhook.{0,60}(?:mutat\w+|inject\w*|overr\w+|rewr\w+|alter\w*|modif\w+)|defaulted .{0,40}(?:by|from) .{0,40}webhook|set by (?:the )?(?:mutating )?webhook|LimitRanger plugin set|(?:cannot|failed to|unable to) apply (?:json ?)?patch|the (?:patch|mutation) .{0,40}(?:invalid|failed|conflict)"#,
    ),
    // kube-controller-manager, pkg/controller/namespace/deletion; generic registry (BeforeCreate and BeforeUpdate); CRD finalizer.
    said(
        FINALIZER,
        r"(?i)has finalizers remaining|finalizers remaining|resources are remaining:|content in the namespace has|Discovery failed for some groups|retrieve the complete list of server APIs|is being terminated|object is being deleted|no new finalizers can be added|InstanceDeletion|deletion (?:is )?(?:blocked|stuck|pending|timed out)|waiting (?:for|on) finalizers?|remove(?:d|ing)? (?:the )?finalizers?|finalizers? .{0,60}(?:fail|error|stuck|timed out|not removed|remain|block|cannot)|(?:fail\w*|error|cannot|unable|could not).{0,60}finaliz|stuck (?:in )?(?:Terminating|deletion|deleting)|SomeFinalizersRemain|SomeResourcesRemain|NamespaceDeletion|NamespaceContentRemaining|NamespaceFinalizersRemaining|Failed to (?:delete all resource|remove finalizer)|failed to delete load balancer|Error (?:deleting|syncing) load balancer: failed to (?:delete|remove)|VolumeFailedDelete",
    ),
    Pattern {
        mechanisms: FINALIZER,
        places: &[Condition],
        reasons: &[
            "SomeFinalizersRemain",
            "SomeResourcesRemain",
            "ContentDeletionFailed",
            "DiscoveryFailed",
            "GroupVersionParsingFailed",
        ],
        message: r"",
    },
];
