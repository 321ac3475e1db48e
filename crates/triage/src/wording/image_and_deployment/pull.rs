//! What container runtimes and registries say of images that cannot be pulled or unpacked.

use crate::wording::{Pattern, Place};

const REFERENCE: &str = "image-and-deployment/image-reference-wrong";
const CREDENTIALS: &str = "image-and-deployment/image-pull-secret-missing";
const UNREACHABLE: &str = "image-and-deployment/registry-unreachable";
const LIMITED: &str = "image-and-deployment/registry-rate-limited";
const ARCHITECTURE: &str = "image-and-deployment/image-wrong-architecture";
const CORRUPT: &str = "image-and-deployment/image-layer-corrupt";

const SAID: &[Place] = &[Place::Event, Place::Waiting, Place::Status];
const ANYWHERE: &[Place] = &[
    Place::Event,
    Place::Waiting,
    Place::Terminated,
    Place::Status,
    Place::Log,
];

/// What goes with a pull that the network broke: Go's `net`, `net/http`, `crypto/tls`.
macro_rules! pull_that {
    ($how:literal) => {
        concat!(
            r#"(?is)(?:pull|resolve (?:reference|image)|failed to do request|registry|/v[12]/|manifests?/|blobs?/|initializing source|fetch (?:anonymous|oauth) token|requesting bearer token).*(?:"#,
            $how,
            ")"
        )
    };
}

pub(crate) const PATTERNS: &[Pattern] = &[
    // containerd `core/remotes/docker/resolver.go` (`Resolve`); the message ends with the reference.
    Pattern {
        mechanisms: &[REFERENCE],
        places: SAID,
        reasons: &[],
        message: r#"(?i)failed to resolve (?:reference|image) [^\n]*: not found\s*$"#,
    },
    // The distribution specification's error codes, as docker, CRI-O (`containers/image`) and registries word them.
    Pattern {
        mechanisms: &[REFERENCE],
        places: SAID,
        reasons: &[],
        message: r"(?i)manifest[ _]unknown|manifest for \S+ not found|manifest tagged by .* is not found|name[ _]unknown|repository name not known|repository \S+ not found|failed to find (?:image|manifest)|artifact \S+ not found|tag \S+ not found|failed to fetch .*: 404 not found|unexpected status (?:code )?(?:from (?:head|get) request to )?\S+: 404 not found|failed open: content at \S+ not found|reading manifest \S+ in \S+: (?:.*unknown|.*not found|.*404)|repository with name \S+ does not exist|with name '?\S+'? does not exist in the registry|image with imageid .* does not exist|not found: does not exist|no such image|(?:image|manifest) \S+ (?:does not exist|not found)",
    },
    // `pkg/kubelet/images/image_manager.go` (`InvalidImageName`), `distribution/reference` (`ErrReferenceInvalidFormat`).
    Pattern {
        mechanisms: &[REFERENCE],
        places: SAID,
        reasons: &[],
        message: r"(?i)failed to apply default image tag|couldn't parse image (?:name|reference)|invalid reference format|failed to parse reference|invalid image name|repository name must be lowercase|invalid (?:checksum digest|digest) (?:length|format)",
    },
    // `pkg/kubelet/images/types.go`, `ErrImageNeverPull`.
    Pattern {
        mechanisms: &[REFERENCE],
        places: SAID,
        reasons: &[],
        message: r"is not present with pull policy of Never",
    },
    // Registries answer a repository that is not there and one that is not allowed with the same words.
    Pattern {
        mechanisms: &[CREDENTIALS, REFERENCE],
        places: SAID,
        reasons: &[],
        message: r"(?i)pull access denied|repository does not exist or may (?:require|need)|requested access to the resource is denied|insufficient_scope|failed to authorize.*\b40[13]\b|access to the requested resource is not authorized|downloadArtifacts|name invalid: .*denied|unexpected status (?:code )?(?:from (?:head|get) request to )?\S+: 40[13] (?:unauthorized|forbidden)",
    },
    // containerd `core/remotes/docker/auth`, docker and `containers/image`: no or wrong credentials.
    Pattern {
        mechanisms: &[CREDENTIALS],
        places: SAID,
        reasons: &[],
        message: r"(?i)(?:(?:pull|image|registry|manifest|resolve|/v2/|token|login|repositor).*(?:no basic auth credentials|authentication required|incorrect username or password|invalid username/password|401 unauthorized|403 forbidden|unauthorized:|unauthorized: |authorization failed|authorization token has expired|denied: |credentials? (?:expired|invalid)|bad credentials|access forbidden|access denied|permission denied on resource)|no basic auth credentials|unable to retrieve auth token|failed to fetch (?:anonymous|oauth) token.*(?:40[0-3]|unauthorized|denied|forbidden))",
    },
    // The kubelet's and the runtime's logs repeat the refusal.
    Pattern {
        mechanisms: &[CREDENTIALS, REFERENCE],
        places: &[Place::Log],
        reasons: &[],
        message: r"(?i)(?:ErrImagePull|ImagePullBackOff|PullImage|pulling image|failed to pull)[^\n]*(?:pull access denied|authorization failed|authentication required|unauthorized|denied|40[13] )",
    },
    Pattern {
        mechanisms: &[REFERENCE],
        places: &[Place::Log],
        reasons: &[],
        message: r"(?i)(?:ErrImagePull|ImagePullBackOff|PullImage|pulling image|failed to pull)[^\n]*(?:failed to resolve reference [^\n]*: not found|manifest unknown|manifest for \S+ not found)",
    },
    // `pkg/kubelet/kubelet_pods.go`, `getPullSecretsForPod`; `pkg/credentialprovider`; the kubelet's own log.
    Pattern {
        mechanisms: &[CREDENTIALS],
        places: &[Place::Event, Place::Log],
        reasons: &[],
        message: r"(?i)unable to retrieve (?:some )?(?:image )?pull secrets?|couldn't find (?:image )?pull secret|references non-existent image ?pull ?secret|image pull secrets? .* not found",
    },
    Pattern {
        mechanisms: &[UNREACHABLE],
        places: ANYWHERE,
        reasons: &[],
        message: pull_that!(
            r"no such host|i/o timeout|connection refused|network is unreachable|no route to host|handshake timeout|context deadline exceeded|client\.timeout|connection reset by peer|server misbehaving|temporary failure in name resolution|connection timed out|request canceled|deadlineexceeded|proxyconnect|: eof\b|broken pipe|connection was refused|http2: |\b50[0234] (?:bad gateway|service unavailable|gateway time-?out|internal server error)|unable to ping registry|tls: failed|name or service not known"
        ),
    },
    // `pkg/kubelet/images/image_manager.go`, `RegistryUnavailable`.
    Pattern {
        mechanisms: &[UNREACHABLE],
        places: SAID,
        reasons: &[],
        message: r"(?i)because the registry is unavailable|RegistryUnavailable|pinging container registry \S+: (?:get|head|dial|http|net)",
    },
    Pattern {
        mechanisms: &[UNREACHABLE],
        places: &[Place::Waiting, Place::Event],
        reasons: &["RegistryUnavailable"],
        message: "",
    },
    // containerd `core/remotes/docker/fetcher.go`; Docker Hub, ECR, GHCR, Quay.
    Pattern {
        mechanisms: &[LIMITED],
        places: SAID,
        reasons: &[],
        message: r"(?is)toomanyrequests|\b429\b.*too many requests|too many requests.*\b429\b|pull rate limit|(?:pull|registry|image|manifest).*(?:rate limit|rate exceeded|too many requests|quota exceeded.*requests)",
    },
    // `pkg/kubelet/images/puller.go` and `pkg/kubelet/images/helpers.go`: the kubelet's own limit.
    Pattern {
        mechanisms: &[LIMITED],
        places: SAID,
        reasons: &[],
        message: r"pull QPS exceeded",
    },
    Pattern {
        mechanisms: &[LIMITED],
        places: &[Place::Log],
        reasons: &[],
        message: r"(?is)toomanyrequests: |(?:pull|manifests/|docker).*(?:429 too many requests|pull rate limit)",
    },
    // containerd `core/images/image.go`; CRI-O (`containers/image`, `manifest/list`); docker.
    Pattern {
        mechanisms: &[ARCHITECTURE],
        places: SAID,
        reasons: &[],
        message: r#"(?i)no match(?:ing manifest)? for (?:platform|\S+/\S+) in (?:the )?manifest|no matching manifest for|no image found in (?:manifest list|image index) for architecture|image (?:operating system|architecture) "?\S+"? cannot be used|architecture mismatch|does not match the (?:detected|specified) (?:host )?platform|no child with platform|platform .* not (?:found|supported)|image's? (?:platform|architecture).*(?:does not match|incompatible)"#,
    },
    // runc, crun, youki, shells and loaders on a binary of another machine.
    Pattern {
        mechanisms: &[ARCHITECTURE],
        places: ANYWHERE,
        reasons: &[],
        message: r"(?i)exec format error|cannot execute binary file|wrong ELF class|ELF: not found|cannot execute: required file not found|qemu-\S+: could not open|rosetta error|bad CPU type in executable|invalid ELF header|incompatible architecture|illegal instruction",
    },
    // A script without an interpreter line ends the same way.
    Pattern {
        mechanisms: &["image-and-deployment/bad-command"],
        places: ANYWHERE,
        reasons: &[],
        message: r"(?i)\.sh\W{0,3}: exec format error",
    },
    // containerd `core/unpack`, `core/content`, `core/diff/apply`, `pkg/archive`; docker `registering layer`; CRI-O storage.
    Pattern {
        mechanisms: &[CORRUPT],
        places: ANYWHERE,
        reasons: &[],
        message: r"(?is)unexpected commit (?:digest|size)|failed to (?:extract|unpack|register|apply) (?:layer|image)[^\n]*(?:unexpected EOF|not found|invalid (?:tar|header|checksum|magic|block|compressed|input|stored)|checksum|corrupt|digest|wrong diff|mismatch|input/output error|structure needs cleaning|archive/tar|gzip|zstd|flate|exit status|bad message)|error registering layer|failed to register layer|content digest \S+: not found|failed to get reader from content store|failed size validation|filesystem layer verification failed|(?:layer|blob|digest)[^\n]*(?:does not match|mismatch|verification failed|did not match)|wrong diff ?id|gzip: invalid|zlib: invalid|archive/tar: invalid|invalid tar header|flate: corrupt|zstd: (?:invalid|magic|checksum)|corrupt(?:ed)? (?:layer|image|input|blob)|layer not known|reading blob sha256:\S+: .*(?:EOF|checksum|digest)|(?:snapshot|parent)[^\n]*does not exist: not found|digest verification failed",
    },
    // A stream that ends early is a damaged copy or a broken line.
    Pattern {
        mechanisms: &[CORRUPT, UNREACHABLE],
        places: SAID,
        reasons: &[],
        message: r"(?is)(?:pull|copy|layer|blob|httpReadSeeker).*unexpected EOF",
    },
    // CRI-O and containerd, when a container is made of an image whose copy is incomplete.
    Pattern {
        mechanisms: &[CORRUPT],
        places: ANYWHERE,
        reasons: &[],
        message: r"(?i)error unpacking image|failed to create prepare snapshot dir|failed to stat parent|failed to (?:prepare|create) (?:extraction )?snapshot[^\n]*(?:not found|missing|does not exist)|missing parent[^\n]*bucket|error locating item named|reading image \S+: .*(?:corrupt|no such file)|locating item named .*file does not exist|image is known but its layers? (?:is|are) (?:missing|corrupt)",
    },
];
