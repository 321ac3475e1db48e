//! Answers of the metrics source of a captured world, given again. Must not evaluate anything.

use serde_json::{Value, json};

use crate::api::prometheus::params::{Params, step_ms};
use crate::api::prometheus::{QueryError, seconds};
use crate::world::captured::Captured;

/// The answer that was captured for the same question.
pub(super) fn answer(captured: &Captured, params: &Params, now_ms: i64) -> Result<Value, QueryError> {
    let query = params.get("query").unwrap_or_default();
    let (start, end) = (params.time_ms("start")?, params.time_ms("end")?);
    let span_s = start.zip(end).map_or(0, |(start, end)| (end - start) / 1000);
    let step_s = match params.get("step") {
        Some(step) if span_s > 0 => u32::try_from(step_ms(step)? / 1000).unwrap_or(0),
        _ => 0,
    };
    let known = captured
        .metric(query, span_s, step_s)
        .ok_or_else(|| QueryError::execution("this was not asked when the world was captured"))?;
    if let Some(message) = &known.refused {
        return Err(QueryError::execution(message.clone()));
    }
    let result: Vec<Value> = known
        .series
        .iter()
        .map(|series| {
            let values: Vec<Value> = series
                .samples
                .iter()
                .map(|(at_ms, value)| json!([seconds(*at_ms), value]))
                .collect();
            match values.first() {
                Some(value) if span_s == 0 => json!({ "metric": series.labels, "value": value }),
                None if span_s == 0 => json!({ "metric": series.labels, "value": [seconds(now_ms), "NaN"] }),
                _ => json!({ "metric": series.labels, "values": values }),
            }
        })
        .collect();
    let kind = if span_s == 0 { "vector" } else { "matrix" };
    Ok(json!({ "resultType": kind, "result": result }))
}
