//! Wordings of the mechanisms of `storage-and-persistence`.

use super::Pattern;
use super::Place::{Condition, Event, Log, Status, Terminated, Waiting};

const CONFLICT: &str = "storage-and-persistence/pvc-conflict";
const MISSING: &str = "storage-and-persistence/pvc-missing";
const UNBINDABLE: &str = "storage-and-persistence/pvc-unbindable";
const SIZE: &str = "storage-and-persistence/pvc-unbindable-size";
const MODE: &str = "storage-and-persistence/pvc-unbindable-mode";
const SELECTOR: &str = "storage-and-persistence/pvc-unbindable-selector";
const CLASS: &str = "storage-and-persistence/pvc-unbindable-class";
const AFFINITY: &str = "storage-and-persistence/pv-node-affinity-conflict";
const CLASS_MISSING: &str = "storage-and-persistence/storage-class-missing";
const PROVISIONING: &str = "storage-and-persistence/provisioning-failed";
const DRIVER: &str = "storage-and-persistence/csi-driver-unavailable";
const ATTACH: &str = "storage-and-persistence/volume-attach-timeout";
const CORRUPT: &str = "storage-and-persistence/filesystem-corrupt";
const FULL: &str = "storage-and-persistence/volume-full";
const SNAPSHOT: &str = "storage-and-persistence/snapshot-failed";
const BACKUP: &str = "storage-and-persistence/backup-failed";
const READ_ONLY: &str = "storage-and-persistence/database-read-only";

/// Kinds of claims that cannot bind: the volume controller words them all alike.
const UNBINDABLES: &[&str] = &[UNBINDABLE, SIZE, MODE, SELECTOR, CLASS];

/// The category's wordings.
pub(crate) const PATTERNS: &[Pattern] = &[
    // Kubernetes, pkg/controller/volume/attachdetach/reconciler/reconciler.go, reportMultiAttachError.
    Pattern {
        mechanisms: &[CONFLICT],
        places: &[Event, Log],
        reasons: &[],
        message: r#"Multi-Attach error for volume "?(?P<volume>[^"\s]+)"?[. ].*Volume is already used by (?:\d+ )?pod\(s\)"#,
    },
    // The same, when no pod is known to hold it: the earlier node may hold it, or its detach does not end.
    Pattern {
        mechanisms: &[CONFLICT, ATTACH],
        places: &[Event, Log],
        reasons: &[],
        message: r#"Multi-Attach error for volume "?(?P<volume>[^"\s]+)"?[. ].*already exclusively attached to one node"#,
    },
    // ReadWriteOncePod: pkg/scheduler/framework/plugins/volumerestrictions, ErrReasonReadWriteOncePodConflict; drivers.
    Pattern {
        mechanisms: &[CONFLICT],
        places: &[Event, Condition],
        reasons: &[],
        message: r"(?i)node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod|node\(s\) unavailable due to (?:one or more pvc\(s\)|PersistentVolumeClaim).*ReadWriteOncePod|node\(s\) had no available disk|volume uses the ReadWriteOncePod access mode and is already in use",
    },
    // Cloud drivers: gcp-compute-persistent-disk, azuredisk, cinder, longhorn, vsphere, ceph rbd.
    Pattern {
        mechanisms: &[CONFLICT, ATTACH],
        places: &[Event, Status],
        reasons: &[],
        message: r"(?i)RESOURCE_IN_USE_BY_ANOTHER_RESOURCE|(?:disk|volume)\b.{0,300}\bis already (?:attached|being used)(?: (?:to|by)\b)|already attached to (?:node|instance|vm|server)|volume .* is (?:still )?attached to (?:a different|another) (?:node|instance|server)|\bis (?:currently |still )?attached to (?:a different|another) |already attached by pod|could not be attached to node|VolumeInUse|is in use by (?:another|a different) node|rbd image .* is still being used|rpc error: code = FailedPrecondition desc = .*(?:attached|published) (?:to|at) (?:another|a different) node|AttachDiskWhileBeingDetached|Cannot attach data disk .* (?:currently being detached|already attached)",
    },
    // pkg/scheduler/framework/plugins/volumebinding/volume_binding.go, podHasPVCs; pkg/kubelet/volumemanager/populator.
    Pattern {
        mechanisms: &[MISSING],
        places: &[Event, Condition],
        reasons: &[],
        message: r#"(?i)persistentvolumeclaims? "(?P<claim>[^"]+)" not found|error (?:getting|processing) PVC "?[^"]*"?.*not found|failed to fetch PVC from API server: .*not found|persistentvolumeclaim "[^"]+" is being deleted|PVC \S+ (?:is )?not found|could not find (?:the )?(?:PVC|PersistentVolumeClaim)|failed to get PVC .* not found"#,
    },
    // pkg/controller/volume/persistentvolume/pv_controller.go, syncUnboundClaim.
    Pattern {
        mechanisms: UNBINDABLES,
        places: &[Event],
        reasons: &[],
        message: r"no persistent volumes available for this claim(?: and no storage class is set)?",
    },
    // pkg/scheduler/framework/plugins/volumebinding, ErrReasonBindConflict.
    Pattern {
        mechanisms: &[UNBINDABLE, SIZE, MODE, SELECTOR, CLASS, AFFINITY],
        places: &[Event, Condition],
        reasons: &[],
        message: r"node\(s\) didn'?t find available persistent volumes to bind",
    },
    // ErrReasonUnboundImmediatePVCs: whatever keeps the claim from its volume.
    Pattern {
        mechanisms: &[
            UNBINDABLE,
            SIZE,
            MODE,
            SELECTOR,
            CLASS,
            CLASS_MISSING,
            PROVISIONING,
            DRIVER,
        ],
        places: &[Event, Condition],
        reasons: &[],
        message: r"(?i)pod has unbound immediate PersistentVolumeClaims|unbound immediate PersistentVolumeClaims",
    },
    // pv_controller.go, syncUnboundClaim and checkVolumeSatisfyClaim: VolumeMismatch.
    Pattern {
        mechanisms: &[SIZE],
        places: &[Event],
        reasons: &[],
        message: r#"(?i)requested PV is too small|requested (?:storage|volume size|size).{0,80}(?:larger|greater|bigger) than|Cannot bind to requested volume "[^"]*": requested PV is too small|insufficient capacity"#,
    },
    Pattern {
        mechanisms: &[MODE],
        places: &[Event],
        reasons: &[],
        message: r#"(?i)incompatible (?:access ?modes?|volume ?modes?)|Cannot bind to requested volume "[^"]*": incompatible"#,
    },
    // aws-ebs-csi-driver, azuredisk, cinder: a mode that the driver cannot serve.
    Pattern {
        mechanisms: &[MODE, PROVISIONING],
        places: &[Event],
        reasons: &["ProvisioningFailed"],
        message: r"(?i)Volume capabilities.* not supported|(?:multi[_ -]?node|ReadWriteMany|MULTI_NODE_MULTI_WRITER).{0,120}(?:not supported|unsupported|only supported)|unsupported access mode|access mode .* (?:is )?not supported|mountVolume is not supported for access mode",
    },
    Pattern {
        mechanisms: &[CLASS],
        places: &[Event],
        reasons: &[],
        message: r"(?i)storageClass(?:Name|es)? (?:does|do) not match|storageClassName does not match|storage class.{0,60}(?:does not match|mismatch)",
    },
    Pattern {
        mechanisms: &[SELECTOR],
        places: &[Event],
        reasons: &[],
        message: r"(?i)claim\.?Spec\.?Selector is not supported|claim Selector is not supported|selector (?:does not|doesn't) match|volume does not match the claim's selector",
    },
    Pattern {
        mechanisms: &[UNBINDABLE, CLASS, MODE, SIZE, SELECTOR],
        places: &[Event],
        reasons: &["VolumeMismatch", "FailedBinding"],
        message: r#"(?i)Cannot bind to requested volume|volume "[^"]*" already bound to a different claim|does not satisfy (?:the )?claim"#,
    },
    // ErrReasonNodeConflict, in the words of 1.27 to 1.33 and of later schedulers; kubelet's own check of local volumes.
    Pattern {
        mechanisms: &[AFFINITY],
        places: &[Event, Condition],
        reasons: &[],
        message: r"(?i)(?P<conflict>node\(s\) had volume node affinity conflict|node\(s\) didn'?t match PersistentVolume'?s? node affinity|volume node affinity conflict|MatchNodeSelectorTerms|NoVolumeZoneConflict|node\(s\) had no available volume zone)",
    },
    // The class lister's answer: pv_controller.go, getProvisionedVolumeNameForClaim; external-provisioner.
    Pattern {
        mechanisms: &[CLASS_MISSING],
        places: &[Event, Condition],
        reasons: &[],
        message: r#"(?i)storageclass(?:es)?(?:\.storage\.k8s\.io)? "(?P<class>[^"]+)" not found|couldn'?t find (?:the )?StorageClass|StorageClass .{0,60}(?:does not exist|not found)"#,
    },
    // sig-storage-lib-external-provisioner, controller.go, provisionClaimOperation: whatever the driver answers.
    Pattern {
        mechanisms: &[PROVISIONING],
        places: &[Event],
        reasons: &["ProvisioningFailed"],
        message: r#"(?i)failed to provision volume(?: with StorageClass "[^"]*")?: .*(?:quota|limit|exceed|unauthori[sz]ed|not authorized|forbidden|denied|credential|permission|invalid|unsupported|not supported|exhausted|not enough|insufficient|no space|no topology|topology|zone|could not create|failed to create|unable to|timed out|deadline|not found|no such|secret|error|code = )|VolumeLimitExceeded|QUOTA_EXCEEDED|quotaExceeded|failed to create volume|error generating accessibility requirements"#,
    },
    // The same in the provisioner's own log.
    Pattern {
        mechanisms: &[PROVISIONING],
        places: &[Log],
        reasons: &[],
        message: r#"failed to provision volume with StorageClass \\?"[^"]*": "#,
    },
    Pattern {
        mechanisms: &[PROVISIONING, DRIVER],
        places: &[Event],
        reasons: &[],
        message: r"(?i)error generating accessibility requirements|no topology key found on CSINode|no available topology found|waiting for a volume to be created,? either by (?:the )?external provisioner",
    },
    // pkg/scheduler/framework/plugins/volumebinding/binder.go, checkBindings.
    Pattern {
        mechanisms: &[PROVISIONING],
        places: &[Event, Condition],
        reasons: &[],
        message: r#"(?i)binding volumes: (?:provisioning failed for PVC|context deadline exceeded|timed out waiting for the condition)|provisioning failed for PVC"#,
    },
    // pkg/volume/csi/csi_attacher.go and csi_util.go; external-attacher, csi_handler.go, getNodeID; kubelet plugin watcher.
    Pattern {
        mechanisms: &[DRIVER],
        places: &[Event, Status],
        reasons: &[],
        message: r"(?i)CSINode \S+ does not contain driver|driver name \S+ not found in the list of registered CSI drivers|no CSI driver.{0,40}registered|csi\.sock: connect: (?:connection refused|no such file or directory)|kubernetes\.io/csi: (?:attacher\.)?.*(?:driver|plugin).{0,60}not (?:found|registered)|CSIDriver\S* .*not found|nodeinfo for \S+ not found|failed to get (?:csi ?)?client.*(?:not found|registered)|dial unix \S*csi\S*\.sock",
    },
    // external-attacher, pkg/controller/util.go, GetNodeIDFromCSINode: the node's driver has not registered.
    Pattern {
        mechanisms: &[DRIVER],
        places: &[Event, Status, Log],
        reasons: &[],
        message: r"cannot find NodeID for (?:driver )?\S+ for node ",
    },
    // VolumeAttachment status.attachError: the driver's ControllerPublishVolume did not answer in time.
    Pattern {
        mechanisms: &[ATTACH],
        places: &[Status],
        reasons: &[],
        message: r"^rpc error: code = DeadlineExceeded desc = (?:context deadline exceeded|stream terminated by RST_STREAM.*)$",
    },
    // vSphere Cloud Native Storage (vsanvcmgmtd): the machine takes no further SCSI controller.
    Pattern {
        mechanisms: &[ATTACH],
        places: &[Event, Status, Log],
        reasons: &[],
        message: r"(?i)number of SCSI controllers? reached (?:the )?limit",
    },
    // pkg/volume/csi/csi_attacher.go, waitForVolumeAttachmentInternal.
    Pattern {
        mechanisms: &[ATTACH],
        places: &[Event, Status],
        reasons: &[],
        message: r"(?i)(?P<timeout>timed out waiting for external-attacher)|attachdetachment timeout for volume|timeout (?:waiting|expired waiting) for (?:volume|volumes) (?:\S+ )?to (?:attach|be attached)|volume attachment is being deleted|attachment timeout for volume|giveup after \d+ (?:retries|s) attaching|AttachVolume\.Attach failed for volume .*(?:timed out|timeout|deadline exceeded|context canceled)|Waiting for volume .* to (?:attach|detach)",
    },
    // Per-node limits: EC2, Compute Engine, Azure Compute, OpenStack Nova, vSphere; nodevolumelimits of the scheduler.
    Pattern {
        mechanisms: &[ATTACH],
        places: &[Event, Status, Condition],
        reasons: &[],
        message: r"(?i)(?P<limit>AttachmentLimitExceeded|attachment limit (?:has been )?(?:exceeded|reached)|maximum (?:allowed )?number of (?:data disks|disk devices|volumes|attachments|disks)|maximum_persistent_disks|MaximumDataDisksExceeded|(?:too many|max(?:imum)?) (?:volumes|disks|devices|attachments) (?:are )?(?:already )?attached|volume limit (?:has been )?(?:exceeded|reached)|node\(s\) exceed max volume count|no (?:free|available) (?:device names?|scsi slots?|luns?)|exceed(?:s|ed)? (?:the )?(?:max|maximum|limit).{0,60}(?:disks?|volumes?|attach)|could not get (?:a )?(?:free|available) device)",
    },
    // The driver's attach and detach errors: aws-ebs, gce-pd, azuredisk; external-attacher.
    Pattern {
        mechanisms: &[ATTACH],
        places: &[Event, Status],
        reasons: &[],
        message: r#"(?i)expected device to be (?:attached|detached) but was|could not (?:attach|detach) volume|failed to (?:attach|detach)\b|(?:attach|detach) (?:volume|disk).{0,200}failed with|failed cloud service (?:attach|detach) disk call|error (?:attaching|detaching) (?:volume|disk)|AttachVolume\.Attach failed for volume "[^"]+" : rpc error: code = (?:Internal|Unknown|Aborted|DeadlineExceeded|ResourceExhausted|Unavailable)|DetachVolume\.Detach failed|ControllerPublishVolume"#,
    },
    // The kubelet waits for whatever keeps the volume away (pkg/kubelet/volumemanager/volume_manager.go).
    Pattern {
        mechanisms: &[CONFLICT, ATTACH, DRIVER, CORRUPT],
        places: &[Event],
        reasons: &["FailedMount"],
        message: r"Unable to attach or mount volumes: ",
    },
    // k8s.io/mount-utils, mount_linux.go, checkAndRepairFilesystem; util-linux mount(8); kernel messages of ext4, xfs, btrfs.
    Pattern {
        mechanisms: &[CORRUPT],
        places: &[Event, Log, Status, Condition, Terminated, Waiting],
        reasons: &[],
        message: r"(?i)(?P<damage>'?fsck'? found errors on device|UNEXPECTED INCONSISTENCY|RUN fsck MANUALLY|Structure needs cleaning|EUCLEAN|EXT[234]-fs (?:error|\([^)]*\): (?:Remounting filesystem read-only|error|warning: mounting fs with errors))|EXT4-fs warning .*(?:error count|needs? fsck|checkfs)|XFS \([^)]*\): .*(?:corruption|Corruption|shut(?:ting)? ?down|Metadata (?:I/O|CRC) error)|BTRFS (?:error|critical)|(?:xfs_repair|e2fsck)\b.*(?:fail|error|needed|required|run)|bad (?:superblock|geometry)|wrong fs type, bad option, bad superblock|can'?t read superblock|superblock could not be read|Detected aborted journal|(?:Aborting|error .*) journal|filesystem (?:is )?corrupt|Filesystem has been shut down|Remounting filesystem read-only)",
    },
    // EROFS in an application's log; in events a runtime says so of a root filesystem that is read-only by intent.
    Pattern {
        mechanisms: &[CORRUPT],
        places: &[Log],
        reasons: &[],
        message: r"(?i)Read-only file ?system|EROFS|\bRead-only filesystem\b|read_only_filesystem",
    },
    Pattern {
        mechanisms: &[CORRUPT, "app-vs-infra/hardware-fault"],
        places: &[Log, Event, Terminated, Condition],
        reasons: &[],
        message: r"(?i)\bInput/output error\b|Buffer I/O error|blk_update_request: I/O error|\bEIO\b|critical (?:medium|target) error|I/O error, dev ",
    },
    // PostgreSQL md.c and bufmgr.c, InnoDB, etcd bolt, LevelDB: pages that do not check out.
    Pattern {
        mechanisms: &[CORRUPT],
        places: &[Log, Terminated],
        reasons: &[],
        message: r"(?i)invalid page in block \d+ of relation|could not read block \d+ in file .*(?:Input/output error|read only)|page verification failed, calculated checksum|Database page corruption on disk|InnoDB: .*corrupt|checksum mismatch in (?:page|file)|invalid (?:primary )?checkpoint record|database file may be corrupt|walpb: crc mismatch",
    },
    // ENOSPC in each language and product; PostgreSQL, MySQL, Redis, Kafka, Elasticsearch, Prometheus, etcd.
    Pattern {
        mechanisms: &[FULL],
        places: &[Log, Event, Terminated, Waiting],
        reasons: &[],
        message: r#"(?i)No space left on device|\bENOSPC\b|errno[ :=]*28\b|There is not enough space on the disk|could not extend file .*: (?:No space|wrote only)|disk (?:is )?full|disk quota exceeded|\bEDQUOT\b|The table '[^']*' is full|not enough disk space|out of disk space|insufficient (?:free )?(?:disk )?space|flood stage disk watermark|mvcc: database space exceeded|MISCONF Redis is configured to save RDB snapshots|(?:disk )?usage exceeded flood-stage|low disk watermark|volume is (?:almost )?full"#,
    },
    // external-snapshotter, pkg/common-controller and pkg/sidecar-controller, snapshot_controller.go.
    Pattern {
        mechanisms: &[SNAPSHOT],
        places: &[Event, Status],
        reasons: &[],
        message: r#"(?i)failed to (?:take|create|get) snapshot|Failed to (?:check and update|create|get) snapshot (?:content|class)|failed to set default snapshot class|snapshot content with error|failed to get input parameters to create snapshot|volumesnapshotclass(?:es)?\S* "[^"]*" not found|cannot find (?:default )?snapshot class|cannot find CSI PersistentVolumeSource for volume|error (?:creating|taking) (?:a )?snapshot|could not create snapshot|SnapshotLimitExceeded|(?:snapshot).{0,120}(?:quota|limit).{0,40}exceed|snapshot controller failed to update|VolumeSnapshotContent .*(?:not found|missing)|snapshot(?:ting)? .{0,80}not supported|CreateSnapshot\b.*(?:error|failed|code =)|default snapshot class|\d+ default snapshot classes were found|failed to remove finalizer .*snapshot|snapshot source .*(?:not found|not bound)|the source PVC .* (?:not bound|not found)"#,
    },
    // The sidecar's log: external-snapshotter, pkg/sidecar-controller/snapshot_controller.go, createSnapshotWrapper.
    Pattern {
        mechanisms: &[SNAPSHOT],
        places: &[Log],
        reasons: &[],
        message: r"CreateSnapshot for content \S+ returned error|failed to take snapshot of the volume",
    },
    // Velero, pkg/controller/backup_storage_location_controller.go.
    Pattern {
        mechanisms: &[BACKUP],
        places: &[Log],
        reasons: &[],
        message: r"default backup location named \S+ was not found",
    },
    // Backup tools: pg_dump, pg_basebackup, mysqldump, mongodump, restic, borg, velero, barman, wal-g, pgBackRest, etcdctl, kopia.
    Pattern {
        mechanisms: &[BACKUP],
        places: &[Log, Event, Status, Condition, Terminated],
        reasons: &[],
        message: r#"(?i)\bpg_(?:dump(?:all)?|basebackup): (?:error|fatal|\[archiver|server|detail)|(?:mysqldump|mariadb-dump|xtrabackup|mariabackup|mongodump|mydumper): .*(?:error|fail|denied|couldn)|Failed: error (?:connecting|dumping|creating)|\b(?:restic|borg|kopia|duplicity|velero|barman|wal-g|wal-e|pgbackrest|stash|k8up)\b.{0,200}(?:error|fatal|fail|unable|cannot)|Fatal: (?:unable to (?:open|create|save)|create repository|wrong password|repository)|unable to create lock in backend|repository (?:is )?(?:already )?locked|backup (?:job |run |of \S+ )?(?:has )?(?:failed|did not complete|aborted|error)|(?:error|failed|failure)[^\n]{0,60}\bback(?:ing )?up\b|BackupStorageLocation .{0,120}(?:unavailable|not valid|invalid)|backup ?store(?:age)?.{0,80}(?:unavailable|error)|PartiallyFailed|FailedValidation|error (?:getting|creating|uploading|writing) backup|rpc error: .*(?:NoSuchBucket|backup)|upload failed: .*s3://|archive command failed with exit code|WAL archiv\S+ .*failed|ERROR: \[\d{3}\]: |etcdctl snapshot|snapshot save.*(?:error|fail)|dump (?:failed|aborted)|no (?:recent|successful) backups?"#,
    },
    Pattern {
        mechanisms: &[BACKUP],
        places: &[Log, Status, Condition],
        reasons: &[],
        message: r"(?i)NoSuchBucket|The specified bucket does not exist|when calling the (?:PutObject|CreateMultipartUpload|UploadPart|CompleteMultipartUpload) operation|(?:PutObject|UploadPart|multipart upload).{0,120}(?:denied|fail|error)|Backup(?:StorageLocation)? .*(?:is unavailable|is in read-only mode)|can't create backup because",
    },
    // Snapshots: events SnapshotContentMissing and SnapshotContentMisbound, drivers without the capability, waiting tools.
    Pattern {
        mechanisms: &[SNAPSHOT],
        places: &[Event, Status],
        reasons: &[
            "SnapshotContentCreationFailed",
            "SnapshotContentCheckandUpdateFailed",
            "SnapshotContentMissing",
            "SnapshotContentMisbound",
            "SnapshotContentMismatch",
            "SnapshotCreationFailed",
            "SnapshotFinalizerError",
            "SnapshotBindFailed",
            "SnapshotStatusUpdateFailed",
            "GetSnapshotClassFailed",
            "SetDefaultSnapshotClassFailed",
        ],
        message: r"\S",
    },
    Pattern {
        mechanisms: &[SNAPSHOT],
        places: &[Event, Status, Condition, Log],
        reasons: &[],
        message: r"(?i)(?:does not|doesn't) support (?:volume ?)?snapshots?|timed? ?out .{0,80}(?:volume ?)?snapshot|(?:volume ?)?snapshot(?:content)? \S+ .{0,80}(?:has error|failed|not ready|never became ready)|CreateSnapshot|failed to (?:create|take|delete) (?:a |the )?(?:volume )?snapshot|snapshot (?:creation|create) (?:failed|error)",
    },
    // A Job that spends its retries, a CronJob that misses its times: a backup among others
    // (pkg/controller/job/job_controller.go, pkg/controller/cronjob/cronjob_controllerv2.go).
    Pattern {
        mechanisms: &[BACKUP, "image-and-deployment/job-failing"],
        places: &[Event, Condition],
        reasons: &[
            "BackoffLimitExceeded",
            "DeadlineExceeded",
            "PodFailurePolicy",
            "MissSchedule",
            "TooManyMissedTimes",
        ],
        message: r"(?i)backoff limit|longer than specified deadline|missed (?:start|scheduled) time|pod failure policy",
    },
    // Velero, CloudNativePG, K8up, Longhorn.
    Pattern {
        mechanisms: &[BACKUP],
        places: &[Log, Event, Status, Condition],
        reasons: &[],
        message: r#"(?i)found a backup with status|timed out waiting for all PodVolumeBackups|data path backup failed|(?:pod volume|volume) backup failed|error backing up item|(?:complete|perform|run|start|execute|finish|create) (?:the |a )?(?:base ?)?backup\b.{0,80}(?:fail|error)|(?:fail|unable|cannot|could not|error)\S* (?:to )?(?:complete|perform|run|start|execute|finish|create|upload|take) (?:the |a )?(?:base ?|physical )?backup|ContinuousArchiving\S* .*fail|WAL archiving (?:is )?fail|is there a repository at the following location|unable to open config file|backup repository"#,
    },
    // PostgreSQL src/backend/tcop/utility.c, PreventCommandIfReadOnly; MySQL ER_OPTION_PREVENTS_STATEMENT; Redis shared.roslaveerr;
    // MongoDB NotWritablePrimary; SQL Server; MariaDB; CockroachDB; etcd learner.
    Pattern {
        mechanisms: &[READ_ONLY],
        places: &[Log, Event, Terminated],
        reasons: &[],
        message: r"(?i)cannot execute [A-Z ]+ (?:in a read-only transaction|during recovery)|ReadOnlySqlTransaction|SQLSTATE[ \[(]*25006|\(25006\)|running with the --(?:super-)?read-only option|(?:super[-_])?read[-_]only option so it cannot execute|READONLY You can'?t write against a read only|not (?:writable )?primary|NotWritablePrimary|NotMaster|not master and slaveOk=false|(?:database|server|instance|cluster) is (?:in |running in )?(?:a )?read[- ]only(?: mode)?|cannot set transaction read-write mode during recovery|read[- ]only (?:replica|transaction|mode|replicaset)|database is read-only|Connection is read-only|session is not read-write|could not find a writable (?:server|host)|No writable (?:server|primary)|target(?:ed)? server is (?:a )?(?:standby|replica|read)|attempt to write a readonly database|rpc not supported for learner",
    },
];
