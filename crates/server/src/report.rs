//! A report as people read it: Markdown for chats and files, plain text for terminals. Text from logs, alerts and
//! models is shown and never obeyed: no link, image, markup or control character of theirs survives.

mod clean;
mod markdown;
mod outline;
mod sections;
#[cfg(test)]
mod tests;
mod text;

use domain::Report;

/// The report as Markdown (CommonMark).
pub fn markdown(report: &Report) -> String {
    markdown::render(&sections::outline(report))
}

/// The report as plain text.
pub fn text(report: &Report) -> String {
    text::render(&sections::outline(report))
}
