//! `dsbench completions`: a script that teaches a shell the arguments.

use clap::CommandFactory;
use clap_complete::Shell;

use super::exit::{Code, Failure};
use super::{Cli, output};

/// Print a completion script: `dsbench completions bash > ~/.local/share/bash-completion/completions/dsbench`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dsbench", &mut script);
    output::data(&String::from_utf8_lossy(&script))?;
    Ok(Code::Well)
}
