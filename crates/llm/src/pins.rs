//! Fingerprints of what a model was told: a transcript holds only as long as they stay the same.

use sha2::{Digest, Sha256};

use crate::port::{ChatRequest, ToolSpec};

/// SHA-256 of a request's system messages, in hex.
pub fn system_sha256(request: &ChatRequest) -> String {
    let mut hash = Sha256::new();
    for text in request.system() {
        hash.update(text.as_bytes());
        hash.update([0_u8]);
    }
    hex::encode(hash.finalize())
}

/// SHA-256 of tool names, descriptions and schemas, in hex. Order counts: the model sees it.
pub fn tools_sha256(tools: &[ToolSpec]) -> String {
    let mut hash = Sha256::new();
    for tool in tools {
        for part in [&tool.name, &tool.description, &tool.parameters.to_string()] {
            hash.update(part.as_bytes());
            hash.update([0_u8]);
        }
    }
    hex::encode(hash.finalize())
}
