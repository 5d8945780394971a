//! `dsbench man`: the manual pages, made of the same descriptions as `--help`.

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_mangen::Man;

use super::exit::{Code, Failure};
use super::{Cli, output};
use crate::paths;

/// Print the manual page, or write one a subcommand: `dsbench man --out ~/.local/share/man/man1`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The subcommand whose page is printed, such as `run` or `queries show` [default: dsbench itself]
    #[arg(conflicts_with = "out")]
    command: Vec<String>,
    /// Write the pages of dsbench and of all subcommands into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    let pages = pages();
    let Some(folder) = &args.out else {
        let name =
            std::iter::once("dsbench").chain(args.command.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
        let page = pages.iter().find(|(found, _)| *found == name);
        let (_, page) = page.ok_or_else(|| unknown(&args.command))?;
        output::data(&render(page)?)?;
        return Ok(Code::Well);
    };
    for (name, page) in &pages {
        let path = folder.join(format!("{name}.1"));
        write(&path, &render(page)?)?;
    }
    output::note(&format!("{} pages in {}", pages.len(), folder.display()));
    Ok(Code::Well)
}

fn unknown(command: &[String]) -> Failure {
    Failure::Usage(format!("there is no subcommand `{}`; `dsbench --help` lists them", command.join(" ")))
}

fn write(path: &Path, page: &str) -> Result<(), Failure> {
    paths::write_atomically(path, page.as_bytes())
        .map_err(|error| Failure::Other(format!("cannot write {}: {error}", path.display())))
}

/// The pages' names, `dsbench-queries-show` for a subcommand's subcommand, with their commands.
fn pages() -> Vec<(String, clap::Command)> {
    // The subcommand `help` says what --help does.
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    collect("dsbench", &root, &mut pages);
    pages
}

fn collect(name: &str, command: &clap::Command, pages: &mut Vec<(String, clap::Command)>) {
    pages.push((name.to_owned(), command.clone().display_name(name.to_owned())));
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        collect(&format!("{name}-{}", subcommand.get_name()), subcommand, pages);
    }
}

fn render(command: &clap::Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    let title = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let source = concat!("dsbench ", env!("CARGO_PKG_VERSION"));
    let rendered = Man::new(command.clone()).title(title).source(source).manual("dsbench").render(&mut page);
    rendered.map_err(|error| Failure::Other(error.to_string()))?;
    String::from_utf8(page).map_err(|error| Failure::Other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subcommand_has_a_page() {
        let pages = pages();
        let names: Vec<_> = pages.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["dsbench", "dsbench-run", "dsbench-sql", "dsbench-queries-show"] {
            assert!(names.contains(&name), "{name} in {names:?}");
        }
        for (name, command) in &pages {
            let page = render(command).unwrap_or_else(|failure| panic!("{failure}"));
            assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{name}");
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty(), "{name} says what it does");
        }
    }
}
