//! Where the expected answers of a run come from: chosen once, recorded, and opened again by whoever goes on with the run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::{PlannedStatement, Verifier, VerifierError, restored_settings};
use crate::answers::AnswerSet;
use crate::engine::{Engine, EngineError, EngineLimits};
use crate::paths;
use crate::results::format::AnswersSource;
use crate::suite::Suite;
use crate::tables::{DataError, DataSet};

/// Why there is nothing to compare with.
#[derive(Debug, Error)]
pub enum ExpectedError {
    /// The answers cannot be used.
    #[error(transparent)]
    Verifier(#[from] VerifierError),
    /// Nobody can tell which data it is.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The reference engine cannot be made.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The answers that the user named, or those beside the data, or those of the suite that are for this data.
pub async fn choose_answers(
    named: Option<&Path>,
    suite: &Suite,
    data: &DataSet,
    limits: &EngineLimits,
) -> Result<AnswersSource, ExpectedError> {
    let folder = |path: &Path| AnswersSource::Folder {
        path: paths::shown(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned())),
    };
    if let Some(path) = named {
        return Ok(folder(path));
    }
    let hashes = data.content_hashes(limits).await?;
    let fits = |set: &AnswerSet| set.differing_tables(&hashes).is_empty();
    if let Some(beside) = data.url.local_path().map(|place| place.join("answers"))
        && AnswerSet::open(&beside).map_err(VerifierError::from)?.is_some_and(|set| fits(&set))
    {
        return Ok(folder(&beside));
    }
    for place in suite.files.folders("answers") {
        if suite_answers(suite, &place)?.is_some_and(|set| fits(&set)) {
            return Ok(AnswersSource::Suite { folder: place });
        }
    }
    Ok(AnswersSource::Nothing)
}

/// What the statements' rows are compared with. Answers that were chosen must be there and must be for this data.
pub async fn open_answers(
    source: &AnswersSource,
    statements: &[PlannedStatement],
    suite: &Suite,
    data: &DataSet,
    limits: &EngineLimits,
) -> Result<Verifier, ExpectedError> {
    let hashes = match source {
        AnswersSource::Nothing | AnswersSource::Profile { .. } => BTreeMap::new(),
        AnswersSource::Folder { .. } | AnswersSource::Suite { .. } => data.content_hashes(limits).await?,
    };
    let verifier = |set: Option<&AnswerSet>, place: &str, required: bool| {
        Verifier::with_answers(statements, set, place, &hashes, required)
    };
    Ok(match source {
        AnswersSource::Nothing => verifier(None, "", false)?,
        AnswersSource::Folder { path } => {
            let set = AnswerSet::open(&paths::from_shown(path)).map_err(VerifierError::from)?;
            verifier(set.as_ref(), path, true)?
        }
        AnswersSource::Suite { folder } => {
            verifier(suite_answers(suite, folder)?.as_ref(), &format!("the suite's {folder}"), true)?
        }
        AnswersSource::Profile { name, settings } => {
            let settings = restored_settings(name, settings).map_err(EngineError::from)?;
            let reference = Arc::new(Engine::new(settings, limits).await?);
            data.register(&reference)?;
            Verifier::with_engine(statements, reference)?
        }
    })
}

/// One folder under the suite's `answers/`.
fn suite_answers(suite: &Suite, folder: &str) -> Result<Option<AnswerSet>, VerifierError> {
    let files = suite.files.clone();
    Ok(AnswerSet::read(&PathBuf::from(folder), move |path| files.read_bytes(path))?)
}
