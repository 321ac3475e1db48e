use super::*;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: path.into(),
        text: text.into(),
    }
}

fn rust(lines: usize) -> String {
    format!("//! Owns it.\n{}", "// line\n".repeat(lines - 1))
}

fn messages(files: &[SourceFile]) -> Vec<String> {
    examine(files).findings.iter().map(ToString::to_string).collect()
}

fn lengths(source: &str) -> Vec<(String, usize, usize)> {
    let found = functions::find(source).into_iter();
    found
        .map(|function| (function.name, function.line, function.lines))
        .collect()
}

#[test]
fn a_function_is_counted_from_its_keyword_to_its_closing_brace() {
    let source = "struct A;\n\npub fn one(\n    a: u8,\n) -> u8 {\n    a\n}\nfn two() {}\n";
    assert_eq!(lengths(source), [("one".into(), 3, 5), ("two".into(), 8, 1)]);
}

#[test]
fn braces_in_strings_comments_and_characters_do_not_count() {
    let source = r###"fn tricky<'a>(text: &'a str) -> char {
    // } fn no() {
    /* } /* nested } */ } */
    let _ = ("}", "\"}", r#"}"}"#, b'}', '\'', '}', br"\");
    let for_r = '\u{7d}';
    for_r
}
fn after() {
}
"###;
    assert_eq!(lengths(source), [("tricky".into(), 1, 7), ("after".into(), 8, 2)]);
}

#[test]
fn function_pointers_and_declarations_have_no_body() {
    let source = "trait T {\n    fn declared(&self) -> [u8; 4];\n    fn given(&self) {\n    }\n}\n\
                  type F = fn (u8) -> u8;\nstruct G { f: fn(u8) }\n";
    assert_eq!(lengths(source), [("given".into(), 3, 2)]);
}

#[test]
fn nested_functions_count_for_themselves_and_for_the_outer_one() {
    let source = "fn outer() {\n    fn inner() {\n    }\n    inner();\n}\n";
    assert_eq!(lengths(source), [("outer".into(), 1, 5), ("inner".into(), 2, 2)]);
}

#[test]
fn files_warn_above_350_lines_and_fail_above_500() {
    assert_eq!(
        messages(&[file("crates/a/src/b.rs", &rust(350))]),
        Vec::<String>::new()
    );
    assert_eq!(
        messages(&[file("crates/a/src/b.rs", &rust(351))]),
        ["warning: crates/a/src/b.rs: file has 351 lines, the limit is 350"]
    );
    assert_eq!(
        messages(&[file("crates/a/src/b.rs", &rust(501))]),
        ["error: crates/a/src/b.rs: file has 501 lines, the limit is 500"]
    );
}

#[test]
fn tests_are_spared_the_warning_but_not_the_failure() {
    assert_eq!(
        messages(&[file("crates/a/src/b/tests.rs", &rust(500))]),
        Vec::<String>::new()
    );
    assert_eq!(messages(&[file("crates/a/tests/it/b.rs", &rust(501))]).len(), 1);
}

#[test]
fn functions_fail_above_100_lines() {
    let long = format!("//! Owns it.\n\nfn long() {{\n{}}}\n", "    call();\n".repeat(99));
    assert_eq!(
        messages(&[file("crates/a/src/b.rs", &long)]),
        ["error: crates/a/src/b.rs:3: function `long` has 101 lines, the limit is 100"]
    );
}

#[test]
fn a_main_file_stays_short_and_an_integration_test_need_not() {
    assert_eq!(messages(&[file("crates/a/src/main.rs", &rust(81))]).len(), 1);
    assert_eq!(messages(&[file("crates/a/tests/it/main.rs", &rust(81))]).len(), 0);
}

#[test]
fn a_file_opens_with_a_sentence_unless_it_holds_unit_tests() {
    assert_eq!(
        messages(&[
            file("crates/a/src/b.rs", "use std::fmt;\n"),
            file("crates/a/src/b/tests.rs", "use x;\n")
        ]),
        ["error: crates/a/src/b.rs:1: the first line must be a `//!` sentence that says what the file owns"]
    );
}

#[test]
fn a_root_holds_attributes_modules_and_uses() {
    let good = "//! Owns it.\n#![warn(missing_docs)]\n// why\n#[cfg(test)]\nmod tests;\npub(crate) mod a;\n\
                pub use a::{\n    B,\n    C,\n};\n";
    assert_eq!(
        messages(&[file("crates/a/src/lib.rs", good)]),
        Vec::<String>::new()
    );
    for item in [
        "pub fn f() {}",
        "const A: u8 = 1;",
        "mod m { use super::*; }",
        "struct S;",
    ] {
        let text = format!("//! Owns it.\n\nmod a;\n\n{item}\n");
        assert_eq!(
            messages(&[file("crates/a/src/lib.rs", &text)]),
            ["error: crates/a/src/lib.rs:5: lib.rs holds only `//!`, attributes, `mod` and `use`"],
            "{item}"
        );
    }
}

#[test]
fn a_folder_holds_twelve_files_unless_it_is_a_registry() {
    let mut files: Vec<_> = (0..13)
        .map(|i| file(&format!("crates/a/src/x/{i}.rs"), "//! Owns it.\n"))
        .collect();
    assert_eq!(
        messages(&files),
        ["error: crates/a/src/x: folder has 13 files, the limit is 12 outside of a registry"]
    );
    files.push(file(
        "xtask/registries.txt",
        "# one a line\ncrates/a/src/x: one number\n",
    ));
    assert_eq!(messages(&files), Vec::<String>::new());
}

#[test]
fn a_registry_that_does_not_exist_is_an_error() {
    assert_eq!(
        messages(&[file("xtask/registries.txt", "crates/a/src/x: one number\n")]),
        ["error: xtask/registries.txt:1: `crates/a/src/x` does not exist, remove the entry"]
    );
}

#[test]
fn an_excused_file_passes_and_an_idle_excuse_fails() {
    let list = file("xtask/tidy-allow.txt", "crates/a/src/b.rs: generated by a tool\n");
    let excused = [file("crates/a/src/b.rs", &rust(501)), list.clone()];
    assert_eq!(messages(&excused), Vec::<String>::new());
    let idle = [file("crates/a/src/b.rs", &rust(500)), list];
    assert_eq!(
        messages(&idle).last().map(String::as_str),
        Some(
            "error: xtask/tidy-allow.txt:1: `crates/a/src/b.rs` no longer needs to be excused, remove the entry"
        )
    );
    assert_eq!(examine(&idle).failures(), 1);
}

#[test]
fn an_excuse_needs_a_reason_and_covers_sizes_only() {
    assert_eq!(
        messages(&[file("xtask/tidy-allow.txt", "crates/a/src/b.rs\n")]),
        ["error: xtask/tidy-allow.txt:1: expected `path: reason`"]
    );
    let list = file("xtask/tidy-allow.txt", "crates/a/src/b.rs: old\n");
    assert_eq!(
        examine(&[file("crates/a/src/b.rs", "use x;\n"), list]).failures(),
        2
    );
}

#[test]
fn machine_paths_are_refused_in_any_text_file() {
    let path = concat!("/", "work/main");
    let found = messages(&[file("docs/a.md", &format!("see\n`{path}`\n"))]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("error: docs/a.md:2: "), "{found:?}");
    let relative = concat!("..", "/shared/a.md");
    assert_eq!(messages(&[file("Makefile", relative)]).len(), 1);
}

#[test]
fn paths_that_only_end_alike_are_fine() {
    let text = concat!("https://example.com/", "work/ and /home/runner/", "work/x");
    assert_eq!(messages(&[file("docs/a.md", text)]), Vec::<String>::new());
}

#[test]
fn a_data_folder_needs_a_readme() {
    let agent = file("agents/storage.yaml", "name: storage\n");
    assert_eq!(
        messages(std::slice::from_ref(&agent)),
        ["error: agents: a data folder needs a README.md with its schema"]
    );
    assert_eq!(
        messages(&[agent, file("agents/README.md", "# Agents\n")]),
        Vec::<String>::new()
    );
}

#[test]
fn the_summary_counts_what_it_prints() {
    let summary = examine(&[
        file("crates/a/src/b.rs", &rust(351)),
        file("crates/a/src/c.rs", "mod x;\n"),
    ]);
    assert!(
        summary
            .to_string()
            .ends_with("tidy: files: 2, failures: 1, warnings: 1\n")
    );
}
