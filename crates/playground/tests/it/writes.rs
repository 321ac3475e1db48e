//! Create, update, patch, delete, scale: results, refusals, dry runs.

use playground::Playground;
use serde_json::{Value, json};

use crate::http::{Answer, frozen, get, send};

mod deletes;
mod refusals;

const JSON: &str = "application/json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/shop/deployments/web";

async fn patch(playground: &Playground, path: &str, media: &str, body: Value) -> Answer {
    send(playground, "PATCH", path, media, &body).await
}

#[tokio::test]
async fn a_created_object_gets_what_the_server_gives() {
    let playground = frozen().await;
    let path = "/api/v1/namespaces/shop/configmaps?fieldManager=me";
    let created = send(
        &playground,
        "POST",
        path,
        JSON,
        &json!({"metadata": {"generateName": "c-"}, "data": {"a": "b"}}),
    )
    .await;
    assert_eq!(created.status, 201);
    let object = created.json();
    assert!(
        object["metadata"]["name"]
            .as_str()
            .expect("a name")
            .starts_with("c-")
    );
    assert_eq!(object["metadata"]["creationTimestamp"], "2026-03-01T12:00:00Z");
    assert_eq!(object["metadata"]["managedFields"][0]["manager"], "me");
    assert_eq!(
        object["metadata"]["managedFields"][0]["fieldsV1"]["f:data"]["f:a"],
        json!({})
    );
    let again = send(
        &playground,
        "POST",
        path,
        JSON,
        &json!({"metadata": {"name": "settings"}}),
    )
    .await;
    assert_eq!(
        (again.status, again.message().as_str()),
        (409, "configmaps \"settings\" already exists")
    );
    let homeless = send(
        &playground,
        "POST",
        "/api/v1/namespaces/nope/configmaps",
        JSON,
        &json!({"metadata": {"name": "x"}}),
    )
    .await;
    assert_eq!(
        (homeless.status, homeless.message().as_str()),
        (404, "namespaces \"nope\" not found")
    );
}

#[tokio::test]
async fn a_change_of_the_spec_counts_the_generation_and_names_its_manager() {
    let playground = frozen().await;
    let before = get(&playground, DEPLOYMENT).await.json();
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "registry.example/web:9"}]}}}});
    let after = patch(&playground, DEPLOYMENT, STRATEGIC, image).await.json();
    assert_eq!(after["metadata"]["generation"], 3);
    assert_ne!(
        after["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );
    let containers = after["spec"]["template"]["spec"]["containers"]
        .as_array()
        .expect("containers");
    assert_eq!(containers.len(), 2, "lists merge by name");
    assert_eq!(
        containers[0]["env"],
        before["spec"]["template"]["spec"]["containers"][0]["env"]
    );
    let entry = &after["metadata"]["managedFields"][0];
    assert_eq!(entry["manager"], "tester");
    let owned = &entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"];
    assert_eq!(owned, &json!({"k:{\"name\":\"web\"}": {"f:image": {}}}));
}

#[tokio::test]
async fn a_dry_run_answers_the_result_and_changes_nothing() {
    let playground = frozen().await;
    let before = playground.world();
    let patched = patch(
        &playground,
        &format!("{DEPLOYMENT}?dryRun=All"),
        STRATEGIC,
        json!({"spec": {"replicas": 9}}),
    )
    .await;
    assert_eq!(patched.json()["spec"]["replicas"], 9);
    let scale = format!("{DEPLOYMENT}/scale?dryRun=All");
    assert_eq!(
        patch(
            &playground,
            &scale,
            "application/merge-patch+json",
            json!({"spec": {"replicas": 7}})
        )
        .await
        .json()["spec"]["replicas"],
        7
    );
    send(
        &playground,
        "DELETE",
        DEPLOYMENT,
        JSON,
        &json!({"dryRun": ["All"]}),
    )
    .await;
    send(
        &playground,
        "POST",
        "/api/v1/namespaces/shop/configmaps?dryRun=All",
        JSON,
        &json!({"metadata": {"name": "new"}}),
    )
    .await;
    assert_eq!(playground.world(), before);
    let refused = patch(
        &playground,
        &format!("{DEPLOYMENT}?dryRun=Some"),
        STRATEGIC,
        json!({}),
    )
    .await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn an_update_with_an_old_version_is_a_conflict() {
    let playground = frozen().await;
    let mut object = get(&playground, DEPLOYMENT).await.json();
    object["spec"]["replicas"] = json!(3);
    assert_eq!(
        send(&playground, "PUT", DEPLOYMENT, JSON, &object).await.status,
        200
    );
    object["spec"]["replicas"] = json!(4);
    let late = send(&playground, "PUT", DEPLOYMENT, JSON, &object).await;
    assert_eq!(late.status, 409);
    assert!(late.message().starts_with(
        "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified"
    ));
}

#[tokio::test]
async fn strategic_directives_delete_replace_and_order() {
    let playground = frozen().await;
    let body = json!({"spec": {"template": {"spec": {
        "$setElementOrder/containers": [{"name": "proxy"}, {"name": "web"}],
        "containers": [{"name": "web", "env": [{"name": "MODE", "$patch": "delete"}], "resources": {"$patch": "replace", "limits": {"cpu": "1"}}}],
    }}}});
    let containers = patch(&playground, DEPLOYMENT, STRATEGIC, body).await.json()["spec"]["template"]["spec"]
        ["containers"]
        .clone();
    assert_eq!(containers[0]["name"], "proxy");
    assert_eq!(containers[1]["env"], json!([{"name": "LEVEL", "value": "info"}]));
    assert_eq!(containers[1]["resources"], json!({"limits": {"cpu": "1"}}));
}

#[tokio::test]
async fn json_patches_apply_or_are_refused_as_a_whole() {
    let playground = frozen().await;
    let path = "/api/v1/namespaces/shop/configmaps/settings";
    let media = "application/json-patch+json";
    let body = json!([{"op": "test", "path": "/data/a", "value": "1"}, {"op": "add", "path": "/data/b~1c", "value": "2"}, {"op": "remove", "path": "/data/a"}]);
    let data = patch(&playground, path, media, body).await.json()["data"].clone();
    assert_eq!((data.get("a"), data.get("b/c")), (None, Some(&json!("2"))));
    let refused = patch(
        &playground,
        path,
        media,
        json!([{"op": "remove", "path": "/data/b~1c"}, {"op": "test", "path": "/data/zz", "value": 1}]),
    )
    .await;
    assert_eq!(
        (refused.status, refused.message().as_str()),
        (
            422,
            "the server rejected our request due to an error in our request"
        )
    );
    assert_eq!(get(&playground, path).await.json()["data"]["b/c"], "2");
    let custom = "/apis/argoproj.io/v1alpha1/namespaces/shop/applications/shop-app";
    assert_eq!(patch(&playground, custom, STRATEGIC, json!({})).await.status, 415);
}

#[tokio::test]
async fn server_side_apply_owns_fields_and_refuses_those_of_others() {
    let playground = frozen().await;
    let media = "application/apply-patch+yaml";
    let config = |replicas: i32| json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": replicas}});
    assert_eq!(
        patch(&playground, DEPLOYMENT, media, config(4)).await.status,
        422,
        "fieldManager is required"
    );
    assert_eq!(
        patch(
            &playground,
            &format!("{DEPLOYMENT}?fieldManager=a"),
            media,
            config(4)
        )
        .await
        .status,
        200
    );
    let conflict = patch(
        &playground,
        &format!("{DEPLOYMENT}?fieldManager=b"),
        media,
        config(5),
    )
    .await;
    assert_eq!(
        conflict.message(),
        "Apply failed with 1 conflict: conflict with \"a\" using apps/v1: .spec.replicas"
    );
    let forced = patch(
        &playground,
        &format!("{DEPLOYMENT}?fieldManager=b&force=true"),
        media,
        config(5),
    )
    .await;
    assert_eq!(forced.json()["spec"]["replicas"], 5);
    let created = patch(
        &playground,
        "/api/v1/namespaces/shop/configmaps/fresh?fieldManager=a",
        media,
        json!({"data": {"x": "y"}}),
    )
    .await;
    assert_eq!(created.status, 201);
}

#[tokio::test]
async fn invalid_objects_are_refused_with_the_field() {
    let playground = frozen().await;
    let cases = [
        (
            json!({"spec": {"selector": {"matchLabels": {"app": "other"}}}}),
            "spec.selector",
        ),
        (
            json!({"spec": {"replicas": -1}}),
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "resources": {"limits": {"memory": "1Mi"}}}]}}}}),
            "spec.template.spec.containers[0].resources.requests: Invalid value: \"64Mi\": must be less than or equal to memory limit of 1Mi",
        ),
        (
            json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": ""}]}}}}),
            "spec.template.spec.containers[0].image: Required value",
        ),
    ];
    for (body, wanted) in cases {
        let refused = patch(&playground, DEPLOYMENT, STRATEGIC, body).await;
        assert_eq!(refused.status, 422);
        assert!(
            refused
                .message()
                .starts_with("Deployment.apps \"web\" is invalid: "),
            "{}",
            refused.message()
        );
        assert!(refused.message().contains(wanted), "{}", refused.message());
    }
    let nameless = send(
        &playground,
        "POST",
        "/api/v1/namespaces/shop/configmaps",
        JSON,
        &json!({"metadata": {}}),
    )
    .await;
    assert_eq!(
        nameless.message(),
        "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"
    );
}

#[tokio::test]
async fn status_and_scale_are_written_apart_from_the_object() {
    let playground = frozen().await;
    let body = json!({"spec": {"replicas": 6}, "status": {"readyReplicas": 5}});
    let main = patch(
        &playground,
        DEPLOYMENT,
        "application/merge-patch+json",
        body.clone(),
    )
    .await
    .json();
    assert_eq!(
        (&main["spec"]["replicas"], &main["status"]["readyReplicas"]),
        (&json!(6), &json!(1))
    );
    let status = patch(
        &playground,
        &format!("{DEPLOYMENT}/status"),
        "application/merge-patch+json",
        json!({"spec": {"replicas": 8}, "status": {"readyReplicas": 5}}),
    )
    .await
    .json();
    assert_eq!(
        (&status["spec"]["replicas"], &status["status"]["readyReplicas"]),
        (&json!(6), &json!(5))
    );
    let scale = get(&playground, &format!("{DEPLOYMENT}/scale")).await.json();
    assert_eq!(
        (scale["kind"].as_str(), scale["status"]["selector"].as_str()),
        (Some("Scale"), Some("app=web"))
    );
}
