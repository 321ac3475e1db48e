//! The small hand-made world that the tests serve.

use jiff::Timestamp;
use playground::World;
use serde_json::{Value, json};

/// The world's frozen moment.
pub(crate) fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a timestamp")
}

/// Two nodes, a Deployment with a crash-looping and a healthy pod, a pending claim, a StatefulSet, events, logs.
pub(crate) fn small() -> World {
    let mut world = World::new("small", "small-cluster", now());
    let objects = [
        cluster_scoped(),
        workloads(),
        pods(),
        network(),
        storage_and_config(),
        events(),
        usage(),
    ];
    for object in objects.into_iter().flatten() {
        assert!(world.insert(object.clone()), "not an object: {object}");
    }
    add_logs(&mut world);
    world.metrics = metrics();
    world.stimulus = Some(json!({ "question": "why does web crash?", "startsAt": "2026-03-01T11:50:00Z" }));
    world
}

fn meta(namespace: &str, name: &str, labels: Value) -> Value {
    let mut meta = json!({
        "name": name, "labels": labels, "creationTimestamp": "2026-02-28T12:00:00Z",
        "uid": format!("uid-{namespace}-{name}"), "resourceVersion": "41000",
    });
    if !namespace.is_empty() {
        meta["namespace"] = json!(namespace);
    }
    meta
}

fn cluster_scoped() -> Vec<Value> {
    let mut all = Vec::new();
    for name in ["default", "kube-node-lease", "shop"] {
        all.push(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": meta("", name, json!({"kubernetes.io/metadata.name": name})),
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        }));
    }
    for name in ["node-a", "node-b"] {
        let role = if name == "node-a" {
            "control-plane"
        } else {
            "worker"
        };
        let mut labels = json!({"kubernetes.io/hostname": name});
        labels[format!("node-role.kubernetes.io/{role}")] = json!("");
        all.push(json!({
            "apiVersion": "v1", "kind": "Node", "metadata": meta("", name, labels),
            "spec": {"podCIDR": "10.0.0.0/24"},
            "status": {
                "capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
                "allocatable": {"cpu": "4", "memory": "15Gi", "pods": "110"},
                "addresses": [{"type": "InternalIP", "address": "192.168.0.2"}, {"type": "Hostname", "address": name}],
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
                    "lastHeartbeatTime": "2026-03-01T11:59:00Z", "lastTransitionTime": "2026-02-28T12:00:00Z"}],
                "nodeInfo": {"kubeletVersion": "v1.33.4", "osImage": "Debian GNU/Linux 12", "kernelVersion": "6.1.0",
                    "containerRuntimeVersion": "containerd://2.1.0", "architecture": "amd64", "operatingSystem": "linux",
                    "bootID": "b", "machineID": "m", "systemUUID": "s", "kubeProxyVersion": ""},
            },
        }));
        all.push(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta("kube-node-lease", name, json!({})),
            "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": "2026-03-01T11:59:55.123456Z"},
        }));
    }
    all
}

fn template(image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [
            {"name": "web", "image": image, "ports": [{"containerPort": 8080, "protocol": "TCP"}],
             "env": [{"name": "MODE", "value": "fast"}, {"name": "LEVEL", "value": "info"}],
             "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "100m", "memory": "64Mi"}}},
            {"name": "proxy", "image": "registry.example/proxy:2"},
        ], "restartPolicy": "Always"},
    })
}

fn owner(kind: &str, name: &str) -> Value {
    json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": format!("uid-shop-{name}"),
        "controller": true, "blockOwnerDeletion": true}])
}

fn workloads() -> Vec<Value> {
    let mut deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("shop", "web", json!({"app": "web"})),
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template("registry.example/web:1.1"),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600},
        "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 1, "availableReplicas": 1,
            "unavailableReplicas": 1, "conditions": [{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"}]},
    });
    deployment["metadata"]["generation"] = json!(2);
    deployment["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "2"});
    let mut all = vec![deployment];
    for (revision, image, replicas) in [
        ("1", "registry.example/web:1.0", 0),
        ("2", "registry.example/web:1.1", 2),
    ] {
        let hash = format!("{revision}{revision}aa");
        let name = format!("web-{hash}");
        let labels = json!({"app": "web", "pod-template-hash": hash});
        let mut set = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta("shop", &name, labels.clone()),
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template(image)},
            "status": {"replicas": replicas, "readyReplicas": if replicas > 0 { 1 } else { 0 }},
        });
        set["metadata"]["ownerReferences"] = owner("Deployment", "web");
        set["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": revision});
        set["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] = json!(hash);
        all.push(set);
    }
    all.push(json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta("shop", "db", json!({"app": "db"})),
        "spec": {"replicas": 1, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "registry.example/db:5"}]}}},
        "status": {"replicas": 1, "readyReplicas": 0},
    }));
    all.push(json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta("shop", "report", json!({})),
        "spec": {"schedule": "*/5 * * * *", "suspend": false, "concurrencyPolicy": "Allow",
            "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "report", "image": "registry.example/report:1"}], "restartPolicy": "Never"}}}}},
        "status": {"lastScheduleTime": "2026-03-01T11:55:00Z"},
    }));
    all
}

fn pods() -> Vec<Value> {
    let pod = |name: &str, node: &str, statuses: Value| {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": meta("shop", name, json!({"app": "web", "pod-template-hash": "22aa"})),
            "spec": template("registry.example/web:1.1")["spec"],
            "status": {"phase": "Running", "podIP": "10.0.0.7", "podIPs": [{"ip": "10.0.0.7"}], "hostIP": "192.168.0.2", "qosClass": "Burstable",
                "startTime": "2026-03-01T11:00:00Z", "containerStatuses": statuses,
                "conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "False"}]},
        });
        pod["spec"]["nodeName"] = json!(node);
        pod["metadata"]["ownerReferences"] = owner("ReplicaSet", "web-22aa");
        pod
    };
    let running = |name: &str| {
        json!({"name": name, "ready": true, "started": true, "restartCount": 0, "image": "i", "imageID": "i",
            "state": {"running": {"startedAt": "2026-03-01T11:00:05Z"}}, "lastState": {}})
    };
    let crashing = json!({"name": "web", "ready": false, "started": false, "restartCount": 7, "image": "i", "imageID": "i",
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=web"}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled",
            "startedAt": "2026-03-01T11:54:00Z", "finishedAt": "2026-03-01T11:55:00Z"}}});
    let mut pending = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": meta("shop", "db-0", json!({"app": "db"})),
        "spec": {"containers": [{"name": "db", "image": "registry.example/db:5"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}]},
        "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims."}]},
    });
    pending["metadata"]["ownerReferences"] = owner("StatefulSet", "db");
    let mut init = pod(
        "web-22aa-init",
        "node-b",
        json!([
        {"name": "web", "ready": false, "restartCount": 0, "image": "i", "imageID": "", "state": {"waiting": {"reason": "PodInitializing"}}, "lastState": {}}]),
    );
    init["spec"]["initContainers"] = json!([{"name": "migrate", "image": "registry.example/migrate:1"}]);
    init["status"]["phase"] = json!("Pending");
    init["status"]["conditions"] = json!([{"type": "Initialized", "status": "False"}]);
    init["status"]["initContainerStatuses"] = json!([{"name": "migrate", "ready": false, "restartCount": 0, "image": "i", "imageID": "i",
        "state": {"running": {"startedAt": "2026-03-01T11:59:00Z"}}, "lastState": {}}]);
    init["metadata"]["labels"] = json!({"app": "web-init"});
    vec![
        pod("web-22aa-crash", "node-a", json!([crashing, running("proxy")])),
        pod(
            "web-22aa-fine",
            "node-b",
            json!([running("web"), running("proxy")]),
        ),
        pending,
        init,
    ]
}

fn network() -> Vec<Value> {
    vec![
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta("shop", "web", json!({"app": "web"})),
            "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10"], "selector": {"app": "web"},
                "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}], "sessionAffinity": "None"}, "status": {"loadBalancer": {}}}),
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": meta("shop", "web", json!({"app": "web"})),
            "subsets": [{"addresses": [{"ip": "10.0.0.7"}], "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}]}),
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": meta("shop", "web-x1", json!({"kubernetes.io/service-name": "web"})),
            "endpoints": [{"addresses": ["10.0.0.7"], "conditions": {"ready": true}}],
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta("shop", "front", json!({})),
            "spec": {"ingressClassName": "nginx", "rules": [{"host": "shop.example", "http": {"paths": [{"path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]},
            "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}]}}}),
    ]
}

fn storage_and_config() -> Vec<Value> {
    vec![
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta("shop", "data-db-0", json!({"app": "db"})),
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "volumeMode": "Filesystem", "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Pending"}}),
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "standard", "creationTimestamp": "2026-02-01T00:00:00Z",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "csi.example", "reclaimPolicy": "Delete",
            "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": true}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("shop", "settings", json!({})), "data": {"a": "1", "tricky": "yes\nno: [\"x\"]\n"}}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta("shop", "token", json!({})), "type": "Opaque", "data": {"k": "dg=="}}),
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": meta("shop", "shop-app", json!({})),
            "spec": {"project": "default"}, "status": {"sync": {"status": "Synced"}}}),
    ]
}

fn events() -> Vec<Value> {
    let event = |name: &str, kind: &str, object: &str, reason: &str, message: &str, component: &str| {
        json!({"apiVersion": "v1", "kind": "Event", "metadata": meta("shop", name, json!({})), "type": "Warning", "reason": reason,
            "message": message, "count": 12, "firstTimestamp": "2026-03-01T11:10:00Z", "lastTimestamp": "2026-03-01T11:58:00Z",
            "involvedObject": {"apiVersion": "v1", "kind": kind, "namespace": "shop", "name": object, "uid": format!("uid-shop-{object}")},
            "source": {"component": component, "host": "node-a"}})
    };
    vec![
        event(
            "web.1",
            "Pod",
            "web-22aa-crash",
            "BackOff",
            "Back-off restarting failed container web in pod web-22aa-crash",
            "kubelet",
        ),
        event(
            "pvc.1",
            "PersistentVolumeClaim",
            "data-db-0",
            "ProvisioningFailed",
            "storageclass.storage.k8s.io \"fast\" not found",
            "persistentvolume-controller",
        ),
    ]
}

fn usage() -> Vec<Value> {
    let mut all = Vec::new();
    for name in ["node-a", "node-b"] {
        all.push(
            json!({"apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics", "metadata": {"name": name},
            "timestamp": "2026-03-01T11:59:30Z", "window": "20s", "usage": {"cpu": "250m", "memory": "2Gi"}}),
        );
    }
    all.push(json!({"apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics",
        "metadata": {"name": "web-22aa-fine", "namespace": "shop", "labels": {"app": "web"}},
        "timestamp": "2026-03-01T11:59:30Z", "window": "20s",
        "containers": [{"name": "web", "usage": {"cpu": "20m", "memory": "40Mi"}}, {"name": "proxy", "usage": {"cpu": "1m", "memory": "5Mi"}}]}));
    all
}

fn add_logs(world: &mut World) {
    let log = world.log_mut("shop", "web-22aa-crash", "web");
    log.current = Some(
        (0..5)
            .map(|minute| format!("2026-03-01T11:5{minute}:00.000000000Z line {minute}\n"))
            .collect(),
    );
    log.previous = Some("2026-03-01T11:40:00.000000000Z last words\n".to_owned());
    world.log_mut("shop", "web-22aa-crash", "proxy").current =
        Some("2026-03-01T11:00:00.000000000Z proxy up\n".to_owned());
}

fn metrics() -> String {
    let mut text = String::from("# TYPE http_requests counter\n");
    for minute in 0..30_i64 {
        let at = now().as_second() - (29 - minute) * 60;
        text.push_str(&format!(
            "http_requests_total{{app=\"web\",code=\"200\"}} {} {at}\n",
            minute * 600
        ));
        text.push_str(&format!(
            "http_requests_total{{app=\"web\",code=\"500\"}} {} {at}\n",
            minute * 60
        ));
        text.push_str(&format!("memory_bytes{{pod=\"web-1\"}} {} {at}\n", 1000 + minute));
        text.push_str(&format!(
            "memory_limit{{pod=\"web-1\",container=\"web\"}} 2000 {at}\n"
        ));
    }
    text
}
