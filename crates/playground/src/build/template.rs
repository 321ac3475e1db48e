//! Pod templates of the shop's workloads. Must not know of running pods.

use serde_json::{Value, json};

use super::workload::{Kind, Voice, Workload, tag};
use crate::build::json::{escape, push, set};

/// A called workload as its caller knows it.
pub struct Callee<'a> {
    /// The called workload.
    pub workload: &'a Workload,
}

/// The pod template of a workload at a version, with its dependencies named in the environment.
pub fn template(workload: &Workload, callees: &[Callee<'_>], version: (u64, u64, u64)) -> Value {
    let mut container = json!({
        "name": workload.name,
        "image": workload.image_at(version),
        "imagePullPolicy": "IfNotPresent",
        "ports": [{ "name": port_name(workload.voice), "containerPort": workload.port, "protocol": "TCP" }],
        "env": environment(workload, callees, version),
        "resources": resources(workload),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "securityContext": {
            "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] }, "runAsNonRoot": true
        }
    });
    if workload.voice.speaks_http() && workload.voice != Voice::Nginx {
        set(
            &mut container,
            "/envFrom",
            json!([{ "configMapRef": { "name": format!("{}-config", workload.name) } }]),
        );
    }
    probes(&mut container, workload);
    let mut labels = workload.labels();
    if workload.delivery.is_helm() {
        labels["app.kubernetes.io/version"] = json!(tag(version));
    }
    let mut template = json!({
        "metadata": { "labels": labels },
        "spec": {
            "containers": [container],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": workload.name,
            "serviceAccount": workload.name,
            "securityContext": { "fsGroup": 10001, "runAsUser": 10001 },
            "schedulerName": "default-scheduler"
        }
    });
    if let Some(secret) = &workload.pull_secret {
        set(
            &mut template,
            "/spec/imagePullSecrets",
            json!([{ "name": secret }]),
        );
    }
    if workload.volume_gi.is_some() {
        mount(&mut template, workload);
    }
    spread(&mut template, workload);
    template
}

/// Name of the main port.
pub fn port_name(voice: Voice) -> &'static str {
    match voice {
        Voice::Postgres => "postgresql",
        Voice::Redis => "redis",
        Voice::Kafka => "broker",
        Voice::System => "metrics",
        Voice::Search | Voice::Node | Voice::Go | Voice::Java | Voice::Python | Voice::Nginx => "http",
    }
}

/// Variable that holds the address of a called HTTP service.
pub fn url_variable(callee: &Workload) -> String {
    format!("{}_URL", callee.name.to_uppercase().replace(['-', '.'], "_"))
}

/// Name of the Secret with a workload's database credentials.
pub fn credentials(workload: &Workload) -> String {
    format!("{}-db", workload.name)
}

fn resources(workload: &Workload) -> Value {
    let mut limits = json!({ "memory": format!("{}Mi", workload.memory_limit_mi) });
    if matches!(workload.voice, Voice::Node | Voice::Python) {
        set(&mut limits, "/cpu", json!(format!("{}m", workload.cpu_m * 4)));
    }
    json!({
        "limits": limits,
        "requests": {
            "cpu": format!("{}m", workload.cpu_m), "memory": format!("{}Mi", workload.memory_request_mi)
        }
    })
}

fn environment(workload: &Workload, callees: &[Callee<'_>], version: (u64, u64, u64)) -> Value {
    let mut env = vec![json!({
        "name": "POD_NAME", "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.name" } }
    })];
    env.push(json!({ "name": "APP_VERSION", "value": tag(version) }));
    for Callee { workload: callee } in callees {
        match callee.voice {
            Voice::Postgres => env.extend(database_environment(workload, callee)),
            voice if voice.speaks_http() => env.push(json!({
                "name": url_variable(callee), "value": format!("http://{}:{}", callee.host(), callee.port)
            })),
            _ => {}
        }
    }
    if workload.voice == Voice::Postgres {
        env.push(json!({ "name": "PGDATA", "value": "/data/pgdata" }));
        env.push(secret_variable(
            "POSTGRES_PASSWORD",
            &credentials(workload),
            "password",
        ));
    }
    if workload.voice == Voice::Java {
        env.push(json!({ "name": "JAVA_TOOL_OPTIONS", "value": "-XX:MaxRAMPercentage=75" }));
    }
    Value::Array(env)
}

fn database_environment(workload: &Workload, database: &Workload) -> Vec<Value> {
    let secret = credentials(workload);
    vec![
        json!({ "name": "DB_HOST", "value": database.host() }),
        json!({ "name": "DB_PORT", "value": database.port.to_string() }),
        json!({ "name": "DB_NAME", "value": workload.name.replace('-', "_") }),
        secret_variable("DB_USER", &secret, "username"),
        secret_variable("DB_PASSWORD", &secret, "password"),
    ]
}

fn secret_variable(name: &str, secret: &str, key: &str) -> Value {
    json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": secret, "key": key } } })
}

fn probes(container: &mut Value, workload: &Workload) {
    let action = if workload.voice.speaks_http() {
        let path = if workload.voice == Voice::Java {
            "/actuator/health"
        } else {
            "/healthz"
        };
        (
            "httpGet",
            json!({ "path": path, "port": workload.port, "scheme": "HTTP" }),
        )
    } else {
        ("tcpSocket", json!({ "port": workload.port }))
    };
    let probe = |delay: u64, period: u64, failures: u64| {
        json!({
            action.0: action.1, "initialDelaySeconds": delay, "periodSeconds": period, "timeoutSeconds": 2,
            "successThreshold": 1, "failureThreshold": failures
        })
    };
    set(container, "/readinessProbe", probe(5, 10, 3));
    set(container, "/livenessProbe", probe(20, 15, 4));
}

fn mount(template: &mut Value, workload: &Workload) {
    push(
        template,
        "/spec/containers/0/volumeMounts",
        json!({ "name": "data", "mountPath": "/data" }),
    );
    if workload.kind == Kind::Deployment {
        let claim = json!({ "name": "data", "persistentVolumeClaim": { "claimName": format!("{}-data", workload.name) } });
        push(template, "/spec/volumes", claim);
    }
}

fn spread(template: &mut Value, workload: &Workload) {
    if workload.replicas < 2 || workload.kind == Kind::DaemonSet {
        return;
    }
    let selector = json!({ "matchLabels": workload.selector() });
    let constraint = json!({
        "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": selector
    });
    push(template, "/spec/topologySpreadConstraints", constraint);
}

/// Names the pod template that a controller stamps with its hash.
pub fn with_label(template: &Value, key: &str, value: &str) -> Value {
    let mut stamped = template.clone();
    set(
        &mut stamped,
        &format!("/metadata/labels/{}", escape(key)),
        json!(value),
    );
    stamped
}
