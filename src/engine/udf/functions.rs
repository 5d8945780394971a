//! [`Functions`]: makes functions of `CREATE FUNCTION`, each in its language.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::{Result, not_impl_err, plan_err};
use datafusion::execution::context::{FunctionFactory, RegisterFunction, SessionState};
use datafusion::logical_expr::{CreateFunction, ScalarUDF};

use super::python::{Python, PythonAggregate, PythonFunction, create};
use super::sql_function::SqlFunction;
use crate::engine::ansi::MarkedFunctions;
use crate::engine::settings::UdfOptions;

/// See the module.
#[derive(Debug)]
pub(in crate::engine) struct Functions {
    python: Arc<Python>,
}

/// What functions are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Sql,
    /// Row by row.
    Python,
    /// A batch at a time.
    PythonVectorized,
    /// Yields the rows of a table.
    PythonTable,
}

impl Language {
    const ALL: [(&str, Self); 3] =
        [("SQL", Self::Sql), ("PYTHON", Self::Python), ("PYTHON_VECTORIZED", Self::PythonVectorized)];

    /// The name under which a table function in Python comes through DataFusion's planner; nobody writes it.
    pub(super) const PYTHON_TABLE: &'static str = "python returns table";

    /// That of a name; SQL if there is none.
    pub(super) fn of(name: Option<&str>) -> Option<Self> {
        let Some(name) = name else { return Some(Self::Sql) };
        if name == Self::PYTHON_TABLE {
            return Some(Self::PythonTable);
        }
        Self::ALL.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, language)| language)
    }
}

/// Which functions are marked with their places when a text is read: those in Python, those that are not there yet, and all that are timed, or may be:
/// from a `SET` in the text on, or by the statements that read a view.
pub(in crate::engine) fn marked(state: SessionState, text: &str) -> MarkedFunctions {
    let options = UdfOptions::of(state.config_options());
    let has = |word: &str| text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
    let is_profiled = options.profile || has("udf.profile") || has("view");
    if !is_profiled && !options.python.enabled {
        return MarkedFunctions::default();
    }
    MarkedFunctions::of(move |name| {
        let name = name.to_lowercase();
        if let Some(function) = state.scalar_functions().get(&name) {
            return is_profiled || PythonFunction::of(function).is_some();
        }
        if let Some(function) = state.aggregate_functions().get(&name) {
            return is_profiled || PythonAggregate::of(function).is_some();
        }
        match state.window_functions().contains_key(&name) {
            true => is_profiled,
            false => options.python.enabled,
        }
    })
}

impl Functions {
    pub(in crate::engine) fn new(python: &Arc<Python>) -> Self {
        Self { python: Arc::clone(python) }
    }
}

#[async_trait]
impl FunctionFactory for Functions {
    async fn create(&self, state: &SessionState, statement: CreateFunction) -> Result<RegisterFunction> {
        let name = &statement.name;
        let written = statement.params.language.as_ref().map(|language| language.value.as_str());
        let Some(language) = Language::of(written) else {
            let known = Language::ALL.map(|(name, _)| name).join(", ");
            let language = written.unwrap_or_default();
            return not_impl_err!("functions in the language {language} are not supported: there are {known}");
        };
        let is_table = state.table_functions().contains_key(name);
        let (is_scalar, is_aggregate) =
            (state.scalar_functions().contains_key(name), state.aggregate_functions().contains_key(name));
        if !statement.or_replace && (is_scalar || is_aggregate || is_table) {
            return plan_err!("there is a function {name} already: replace it with CREATE OR REPLACE FUNCTION");
        }
        let other_kind = format!("there is a function {name} of another kind: DROP FUNCTION {name} first");
        if is_aggregate && matches!(language, Language::Sql | Language::PythonVectorized) {
            return plan_err!("{other_kind}");
        }
        let function = match language {
            Language::Sql => RegisterFunction::Scalar(Arc::new(ScalarUDF::from(SqlFunction::new(statement)?))),
            python => create(&self.python, statement, python).await?,
        };
        match &function {
            RegisterFunction::Scalar(_) if is_aggregate => plan_err!("{other_kind}"),
            RegisterFunction::Aggregate(_) if is_scalar => plan_err!("{other_kind}"),
            _ => Ok(function),
        }
    }
}
