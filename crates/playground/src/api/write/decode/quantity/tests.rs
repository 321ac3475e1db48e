use serde_json::json;

use super::*;

#[test]
fn texts_are_quantities_as_for_kubernetes() {
    for text in [
        "1", "250m", "64Mi", "1.5Gi", "1e3", "2E", "12E6", "-1", ".5", "100k",
    ] {
        assert_eq!(problem(text), None, "{text}");
    }
    for text in ["banana", "64MB", "", "1 Gi", "5Q"] {
        assert_eq!(problem(text), Some(FORMAT), "{text}");
    }
    for text in ["64mi", "1KiMi", "Mi", "2Ki3"] {
        assert_eq!(problem(text), Some(SUFFIX), "{text}");
    }
    assert_eq!(amount("64Mi"), Some(67_108_864.0));
    assert_eq!(amount("1e3"), Some(1_000.0));
    assert_eq!(amount("many"), None);
}

#[test]
fn quantities_are_looked_for_where_the_api_has_them() {
    let pod = json!({
        "metadata": { "labels": { "sizeLimit": "banana" } },
        "spec": { "containers": [{ "resources": { "limits": { "memory": "64mi" } } }] },
    });
    assert_eq!(first_problem("Pod", &pod).as_deref(), Some(SUFFIX));
    let range = json!({ "spec": { "limits": [{ "type": "Container", "max": { "cpu": "four" } }] } });
    assert_eq!(first_problem("LimitRange", &range).as_deref(), Some(FORMAT));
}
