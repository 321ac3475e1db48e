//! What the Deployment controller, autoscalers, Helm, Argo CD and Flux say of deliveries that do not arrive.

use crate::wording::{Pattern, Place};

const STUCK: &str = "image-and-deployment/rollout-stuck";
const HELM: &str = "image-and-deployment/helm-release-failed";
const VALUES: &str = "image-and-deployment/helm-values-regression";
const GITOPS: &str = "image-and-deployment/gitops-source-broken";
const ZERO: &str = "image-and-deployment/scaled-to-zero";
const RELEASE: &str = "image-and-deployment/bad-release";

const REPORTS: &[Place] = &[Place::Condition, Place::Event, Place::Status, Place::Log];

pub(crate) const PATTERNS: &[Pattern] = &[
    // `pkg/controller/deployment/progress.go`, `kubectl rollout status`.
    Pattern {
        mechanisms: &[STUCK],
        places: REPORTS,
        reasons: &[],
        message: r"(?i)has timed out progressing|exceeded its progress deadline|deployment is paused|waiting for (?:deployment|daemon set|statefulset) [^\n]*rollout to finish|new replicas have been updated|old replicas are pending termination|updated replicas are available|rollout[^\n]*(?:stuck|stalled|timed out)|waiting for \d+ pods to be ready",
    },
    // Argo Rollouts and Flagger judge a version by its metrics.
    Pattern {
        mechanisms: &[RELEASE],
        places: REPORTS,
        reasons: &[],
        message: r"(?i)rollout aborted update|metric \S+ assessed failed|canary[^\n]*(?:failed|halt|rolling back|rolled back)|halt \S+ advancement|analysis[^\n]*(?:failed|phase error)",
    },
    // Helm 3 and 4 `pkg/action`, `pkg/kube`, `pkg/storage/driver`.
    Pattern {
        mechanisms: &[HELM],
        places: REPORTS,
        reasons: &[],
        message: r"(?i)another operation \(install/upgrade/rollback\) is in progress|(?:upgrade|installation|install|rollback) failed|(?:pre|post)-(?:install|upgrade|rollback|delete) hooks? failed|failed (?:pre|post)-(?:install|upgrade|rollback|delete)|hooks? [^\n]*BackoffLimitExceeded|has no deployed releases|cannot re-use a name that is still in use|rendered manifests contain a resource that already exists|invalid ownership metadata|(?:install|upgrade|helm) retries exhausted|helm (?:install|upgrade|test|rollback|uninstall) failed|release [^\n]*failed|pending-(?:upgrade|install|rollback)|unable to build kubernetes objects from|cannot patch [^\n]* with kind|failed to (?:upgrade|install) (?:chart|release)|lost \w+ release|field is immutable",
    },
    Pattern {
        mechanisms: &[HELM],
        places: REPORTS,
        reasons: &["UpgradeFailed", "InstallFailed", "RollbackFailed", "TestFailed"],
        message: "",
    },
    Pattern {
        mechanisms: &[VALUES, HELM],
        places: REPORTS,
        reasons: &[],
        message: r"(?i)values don't meet the specifications of the schema|nil pointer evaluating|execution error at \(|error calling (?:include|required|tpl|fail)|error converting YAML to JSON|unknown (?:field|object) [^\n]*(?:values|spec)",
    },
    // Argo CD `controller/state.go`, `reposerver/repository`, `util/argo`.
    Pattern {
        mechanisms: &[GITOPS],
        places: REPORTS,
        reasons: &[],
        message: r"(?i)app path does not exist|unable to resolve '?\S+'? to a commit sha|manifest generation error|failed to (?:load target state|generate manifest|list refs|get git client|initialize repository)|unable to generate manifests|kustomize build[^\n]*failed|helm template[^\n]*failed|helm dependency build[^\n]*failed|comparison ?error|invalidspecerror|couldn't find remote ref",
    },
    Pattern {
        mechanisms: &[GITOPS],
        places: &[Place::Condition, Place::Status],
        reasons: &[],
        message: r"(?i)failed to (?:fetch|checkout|clone)|failed to load initial state|repository not found|(?:repository|project|destination)[^\n]*(?:not accessible|not permitted|authentication required|does not exist|do not match)|git[^\n]*(?:exit status 128|not found)|: reference not found",
    },
    Pattern {
        mechanisms: &[GITOPS],
        places: REPORTS,
        reasons: &[
            "ComparisonError",
            "InvalidSpecError",
            "ArtifactFailed",
            "BuildFailed",
            "GitOperationFailed",
            "SourceNotReady",
            "ChartPullError",
            "ChartPullFailed",
            "InvalidChartReference",
            "AuthenticationFailed",
            "StorageOperationFailed",
        ],
        message: "",
    },
    // Flux `kustomize-controller`, `source-controller`, `helm-controller`.
    Pattern {
        mechanisms: &[GITOPS],
        places: REPORTS,
        reasons: &[],
        message: r"(?i)kustomization path not found|source (?:artifact|is) not (?:found|ready)|source \S+ (?:not found|is not ready)|unable to clone|failed to checkout and determine revision|(?:gitrepository|helmrepository|ocirepository|bucket|helmchart)\S* [^\n]*not (?:found|ready)|no '?\S+'? chart with version|chart pull error|failed to download (?:artifact|archive)|ssh: handshake failed|git repository not found|invalid chart reference|latest generation of object has not been reconciled",
    },
    // `pkg/controller/podautoscaler/horizontal.go`; KEDA `pkg/eventreason`, `pkg/scaling/executor`.
    Pattern {
        mechanisms: &[ZERO],
        places: REPORTS,
        reasons: &[],
        message: r"(?i)scaling is disabled since the replica count of the target is zero|deactivated \S+ [^\n]*from \d+ to 0|scaled down replica set \S+ (?:to 0 from (?:[2-9]|\d\d+)|from (?:[2-9]|\d\d+) to 0)|(?:was|been|is) scaled to (?:zero|0)|scal(?:ed|ing) [^\n]*(?:down )?to (?:zero|0 replicas)|delete pod \S+-0 in statefulset|replicas?[^\n]*from (?:[1-9]\d*) to 0",
    },
];
