//! The commands that begin with a backslash: what there is, what a line means, and the help.

use std::path::PathBuf;

use super::display::{Expanded, Form};
use crate::text;

/// One command, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// `\?`
    Help,
    /// `\q`
    Quit,
    /// `\d` or `\d TABLE`
    Describe(Option<String>),
    /// `\timing`; nothing toggles
    Timing(Option<bool>),
    /// `\x`; nothing toggles
    Expanded(Option<Expanded>),
    /// `\format`; nothing shows it
    Format(Option<Form>),
    /// `\limit`; nothing shows it, 0 is no limit
    Limit(Option<usize>),
    /// `\pager`; nothing toggles
    Pager(Option<bool>),
    /// `\o FILE`; nothing is back to the screen
    Output(Option<PathBuf>),
    /// `\i FILE`
    Include(PathBuf),
    /// `\r`: forget the statement that was begun
    Reset,
}

/// Name, what follows it, and what it does.
const HELP: [(&str, &str, &str); 11] = [
    ("d", "[TABLE]", "list the tables, or the columns of a table, view or file"),
    ("i", "FILE", "run the statements and commands in a file"),
    ("o", "[FILE]", "write results to a file; without one, to the screen again"),
    ("format", "[table|csv|json]", "the form of results"),
    ("x", "[on|off|auto]", "a line a column instead of a table; auto: where a table is wider than the screen"),
    ("limit", "[ROWS]", "show so many rows of a result at most; 0 shows all"),
    ("pager", "[on|off]", "show what is longer than the screen through $PAGER, or less"),
    ("timing", "[on|off]", "show how long planning and execution took"),
    ("r", "", "forget the statement that was begun"),
    ("?", "", "this help"),
    ("q", "", "leave, as Ctrl-D does"),
];

/// The names for completion, with the backslash.
pub(super) fn names() -> impl Iterator<Item = String> {
    HELP.iter().map(|(name, _, _)| format!("\\{name}"))
}

/// What `\?` prints.
pub(super) fn help() -> String {
    let mut out = "A statement ends with a semicolon and may have several lines.\n\n".to_owned();
    for (name, argument, what) in HELP {
        let left = format!("\\{name} {argument}");
        out.push_str(&format!("  {left:<26}{what}\n"));
    }
    out.push_str(
        "\n\
         Tab completes tables, columns, functions, settings and files. Ctrl-C stops a statement, or clears the line.\n\
         SET KEY = VALUE changes a setting to the end of the session, SHOW ALL lists them.\n\
         FROM takes files too: select * from 'data/x.csv', 'data/*.parquet', 'folder/'.\n\
         COPY (select …) TO 'x.parquet' writes one; … TO 'folder' STORED AS PARQUET PARTITIONED BY (a) several.\n",
    );
    out
}

/// Reads a line that begins with a backslash.
pub(super) fn parse(line: &str) -> Result<Command, String> {
    let line = line.trim();
    let line = line.strip_prefix('\\').unwrap_or(line);
    let (name, rest) = match line.find(char::is_whitespace) {
        Some(end) => (&line[..end], line[end..].trim().trim_end_matches(';').trim_end()),
        None => (line.trim_end_matches(';'), ""),
    };
    // psql's way to say the same.
    let (name, rest) = match (name, rest.split_once(char::is_whitespace)) {
        ("pset", Some(("pager", value))) => ("pager", value.trim()),
        ("pset", Some(("expanded", value))) => ("x", value.trim()),
        ("pset", Some(("format", value))) => ("format", value.trim()),
        ("dt" | "d+", _) => ("d", rest),
        ("h" | "help", _) => ("?", ""),
        ("quit", _) => ("q", rest),
        ("include", _) => ("i", rest),
        ("out", _) => ("o", rest),
        ("reset", _) => ("r", rest),
        _ => (name, rest),
    };
    let argument = unquoted(rest);
    let none = |command: Command| match rest {
        "" => Ok(command),
        _ => Err(format!("\\{name} takes nothing, but `{rest}` follows")),
    };
    match name {
        "?" => Ok(Command::Help),
        "q" => none(Command::Quit),
        "r" => none(Command::Reset),
        "d" => Ok(Command::Describe(argument)),
        "timing" => Ok(Command::Timing(switch(name, rest)?)),
        "pager" => Ok(Command::Pager(switch(name, rest)?)),
        "x" => Ok(Command::Expanded(match rest {
            "auto" => Some(Expanded::Auto),
            _ => switch_or(name, rest, "on, off or auto")?.map(|on| if on { Expanded::On } else { Expanded::Off }),
        })),
        "format" => Ok(Command::Format(match rest {
            "" => None,
            _ => Some(rest.parse()?),
        })),
        "limit" => Ok(Command::Limit(match rest.replace([',', '_'], "").as_str() {
            "" => None,
            digits => {
                let wrong = |_| format!("\\limit takes a number of rows, or 0 for all of them; `{rest}` is none");
                Some(digits.parse().map_err(wrong)?)
            }
        })),
        "o" => Ok(Command::Output(argument.map(PathBuf::from))),
        "i" => argument.map(|path| Command::Include(path.into())).ok_or_else(|| "\\i needs a file".to_owned()),
        _ => {
            let names = HELP.iter().map(|(name, _, _)| *name);
            let hint = text::did_you_mean(name, names.filter(|name| name.len() > 1));
            Err(format!("there is no command `\\{name}`{hint}; \\? lists them"))
        }
    }
}

fn switch(name: &str, value: &str) -> Result<Option<bool>, String> {
    switch_or(name, value, "on or off")
}

fn switch_or(name: &str, value: &str, choices: &str) -> Result<Option<bool>, String> {
    match value {
        "" => Ok(None),
        "on" | "true" | "1" => Ok(Some(true)),
        "off" | "false" | "0" => Ok(Some(false)),
        _ => Err(format!("\\{name} takes {choices}, not `{value}`")),
    }
}

/// The argument without the quotes that blanks in it may need; nothing for an empty one.
fn unquoted(text: &str) -> Option<String> {
    let inner = ['\'', '"'].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    let argument = inner.unwrap_or(text);
    (!argument.is_empty()).then(|| argument.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Command) {
        assert_eq!(parse(line), Ok(expected), "{line}");
    }

    #[test]
    fn commands_are_understood() {
        check("\\?", Command::Help);
        check("  \\q  ", Command::Quit);
        check("\\q;", Command::Quit);
        check("\\d", Command::Describe(None));
        check("\\d store_sales", Command::Describe(Some("store_sales".to_owned())));
        check("\\d store_sales;", Command::Describe(Some("store_sales".to_owned())));
        check("\\dt", Command::Describe(None));
        check("\\d 'my data/x.csv'", Command::Describe(Some("my data/x.csv".to_owned())));
        check("\\timing", Command::Timing(None));
        check("\\timing on", Command::Timing(Some(true)));
        check("\\timing off", Command::Timing(Some(false)));
        check("\\x", Command::Expanded(None));
        check("\\x on", Command::Expanded(Some(Expanded::On)));
        check("\\x auto", Command::Expanded(Some(Expanded::Auto)));
        check("\\pset expanded auto", Command::Expanded(Some(Expanded::Auto)));
        check("\\format csv", Command::Format(Some(Form::Csv)));
        check("\\limit", Command::Limit(None));
        check("\\limit 0", Command::Limit(Some(0)));
        check("\\limit 10,000", Command::Limit(Some(10_000)));
        check("\\pager off", Command::Pager(Some(false)));
        check("\\pset pager off", Command::Pager(Some(false)));
        check("\\o", Command::Output(None));
        check("\\o out.txt", Command::Output(Some("out.txt".into())));
        check("\\o \"my file.txt\"", Command::Output(Some("my file.txt".into())));
        check("\\i a.sql", Command::Include("a.sql".into()));
        check("\\r", Command::Reset);
    }

    #[track_caller]
    fn check_error(line: &str, expected: &str) {
        let error = parse(line).expect_err(line);
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn wrong_ones_are_refused() {
        check_error("\\timin on", "there is no command `\\timin`; did you mean `timing`?");
        check_error("\\", "there is no command `\\`; \\? lists them");
        check_error("\\timing maybe", "\\timing takes on or off, not `maybe`");
        check_error("\\x maybe", "\\x takes on, off or auto, not `maybe`");
        check_error("\\limit many", "\\limit takes a number of rows");
        check_error("\\limit -1", "\\limit takes a number of rows");
        check_error("\\format xml", "`xml`");
        check_error("\\i", "\\i needs a file");
        check_error("\\q now", "\\q takes nothing, but `now` follows");
    }

    #[test]
    fn the_help_names_every_command() {
        let help = help();
        for name in names() {
            assert!(help.contains(&format!("  {name} ")), "{name}");
            let with_argument = ["\\i", "\\d"].contains(&name.as_str());
            let line = if with_argument { format!("{name} x") } else { name.clone() };
            assert!(parse(&line).is_ok(), "{name}");
        }
    }
}
