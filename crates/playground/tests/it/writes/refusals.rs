//! What a real API server does not take: other types, unknown fields, amounts that are none, values out of their few.

use serde_json::{Value, json};

use super::{DEPLOYMENT, JSON, STRATEGIC, patch};
use crate::http::{frozen, get, send};

/// A patch of the container `web`.
fn container(change: Value) -> Value {
    let mut container = json!({ "name": "web" });
    for (key, value) in change.as_object().expect("fields") {
        container[key] = value.clone();
    }
    json!({ "spec": { "template": { "spec": { "containers": [container] } } } })
}

#[tokio::test]
async fn values_out_of_their_few_are_refused_with_the_field() {
    let playground = frozen().await;
    let at = "spec.template.spec";
    let cases = [
        (
            json!({ "spec": { "template": { "spec": { "dnsPolicy": "Cluster" } } } }),
            format!(
                "{at}.dnsPolicy: Unsupported value: \"Cluster\": supported values: \"ClusterFirst\", \
                 \"ClusterFirstWithHostNet\", \"Default\", \"None\""
            ),
        ),
        (
            json!({ "spec": { "template": { "spec": { "restartPolicy": "Never" } } } }),
            format!("{at}.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""),
        ),
        (
            container(json!({ "imagePullPolicy": "Sometimes" })),
            format!(
                "{at}.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \
                 \"Always\", \"IfNotPresent\", \"Never\""
            ),
        ),
        (
            container(json!({ "startupProbe": { "periodSeconds": 3 } })),
            format!("{at}.containers[0].startupProbe: Required value: must specify a handler type"),
        ),
        (
            container(json!({ "startupProbe": { "tcpSocket": { "port": 99_999 } } })),
            format!(
                "{at}.containers[0].startupProbe.tcpSocket.port: Invalid value: 99999: must be between 1 and \
                 65535, inclusive"
            ),
        ),
        (
            container(json!({ "resources": { "limits": { "ram": "1Gi" } } })),
            format!(
                "{at}.containers[0].resources.limits[ram]: Invalid value: \"ram\": must be a standard resource \
                 for containers"
            ),
        ),
    ];
    for (body, wanted) in cases {
        let refused = patch(&playground, DEPLOYMENT, STRATEGIC, body).await;
        assert_eq!(refused.status, 422, "{wanted}");
        assert_eq!(
            refused.message(),
            format!("Deployment.apps \"web\" is invalid: {wanted}")
        );
    }
}

#[tokio::test]
async fn what_no_field_can_hold_is_refused() {
    let playground = frozen().await;
    let before = playground.world();
    let cases = [
        (
            json!({ "spec": { "replicas": "three" } }),
            "json: cannot unmarshal string into Go struct field Deployment.spec.replicas of type int32",
        ),
        (
            container(json!({ "resources": { "limits": { "memory": "banana" } } })),
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            container(json!({ "resources": { "limits": { "memory": "64mi" } } })),
            "unable to parse quantity's suffix",
        ),
    ];
    for (body, wanted) in cases {
        let refused = patch(&playground, DEPLOYMENT, STRATEGIC, body).await;
        assert_eq!(refused.status, 422, "{wanted}");
        let message = refused.message();
        assert!(
            message.starts_with(" \"\" is invalid: patch: Invalid value: ") && message.ends_with(wanted),
            "{message}"
        );
    }
    let secret = json!({ "metadata": { "name": "s" }, "data": { "key": "no base64!" } });
    let refused = send(
        &playground,
        "POST",
        "/api/v1/namespaces/shop/secrets",
        JSON,
        &secret,
    )
    .await;
    assert_eq!(
        (refused.status, refused.message().as_str()),
        (
            400,
            "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 2"
        )
    );
    assert_eq!(playground.world(), before);
}

#[tokio::test]
async fn unknown_fields_are_refused_when_asked_and_dropped_else() {
    let playground = frozen().await;
    let body = container(json!({ "imagePulPolicy": "Always", "image": "registry.example/web:2" }));
    let strict = format!("{DEPLOYMENT}?fieldValidation=Strict");
    let refused = patch(&playground, &strict, STRATEGIC, body.clone()).await;
    assert_eq!(refused.status, 422);
    let wanted = "strict decoding error: unknown field \"spec.template.spec.containers[0].imagePulPolicy\"";
    assert!(refused.message().ends_with(wanted), "{}", refused.message());
    let taken = patch(&playground, DEPLOYMENT, STRATEGIC, body).await.json();
    let container = &taken["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.example/web:2");
    assert_eq!(container.get("imagePulPolicy"), None);
    let path = "/api/v1/namespaces/shop/configmaps?fieldValidation=Strict";
    let typo = json!({ "metadata": { "name": "typo" }, "date": { "a": "b" } });
    let refused = send(&playground, "POST", path, JSON, &typo).await;
    assert_eq!(
        refused.message(),
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"date\""
    );
}

#[tokio::test]
async fn claims_services_and_classes_have_their_own_rules() {
    let playground = frozen().await;
    let cases = [
        (
            "/api/v1/namespaces/shop/persistentvolumeclaims",
            json!({ "metadata": { "name": "c" }, "spec": { "accessModes": ["ReadWriteSometimes"] } }),
            "[spec.accessModes[0]: Unsupported value: \"ReadWriteSometimes\": supported values: \"ReadOnlyMany\", \
             \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\", spec.resources[storage]: Required value]",
        ),
        (
            "/api/v1/namespaces/shop/services",
            json!({ "metadata": { "name": "s" }, "spec": { "ports": [{ "port": 0 }] } }),
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
        (
            "/apis/storage.k8s.io/v1/storageclasses",
            json!({ "metadata": { "name": "k" }, "provisioner": "p", "volumeBindingMode": "Later" }),
            "volumeBindingMode: Unsupported value: \"Later\": supported values: \"Immediate\", \
             \"WaitForFirstConsumer\"",
        ),
    ];
    for (path, body, wanted) in cases {
        let refused = send(&playground, "POST", path, JSON, &body).await;
        assert_eq!(refused.status, 422, "{path}");
        assert!(refused.message().ends_with(wanted), "{}", refused.message());
    }
    assert_eq!(get(&playground, DEPLOYMENT).await.status, 200);
}
