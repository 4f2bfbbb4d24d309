//! Reads `.bicepparam` files, which tree-sitter-bicep cannot.

use std::collections::BTreeMap;

use crate::evaluate::{EvaluationError, Scope, Value};
use crate::expression::{Expression, ExpressionError};

/// A parameter file.
#[derive(Clone, Debug)]
pub struct ParameterFile {
    /// Path in the repository.
    pub path: String,
    /// The template, relative to this file.
    pub template: String,
    /// The values, in their order.
    pub parameters: Vec<(String, Expression)>,
    /// Variables of this file.
    pub variables: BTreeMap<String, Expression>,
}

/// A parameter file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterFileError {
    /// A statement that is neither `using` nor `param` nor `var`.
    #[error("{path}: not a statement of a parameter file: `{statement}`")]
    Statement {
        /// Path in the repository.
        path: String,
        /// The first line of the statement.
        statement: String,
    },
    /// A value that is no expression.
    #[error("{path}: {error}")]
    Expression {
        /// Path in the repository.
        path: String,
        /// What is wrong.
        error: ExpressionError,
    },
}

impl ParameterFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ParameterFileError`] has the first statement that cannot be read.
    pub fn parse(path: &str, text: &str) -> Result<Self, ParameterFileError> {
        let mut file = Self {
            path: path.to_owned(),
            template: String::new(),
            parameters: Vec::new(),
            variables: BTreeMap::new(),
        };
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            rest = file.statement(rest)?.trim_start();
        }
        Ok(file)
    }

    fn statement<'a>(&mut self, text: &'a str) -> Result<&'a str, ParameterFileError> {
        let (line, after) = text.split_once('\n').unwrap_or((text, ""));
        if line.starts_with("//") {
            return Ok(after);
        }
        let unknown = || ParameterFileError::Statement {
            path: self.path.clone(),
            statement: line.to_owned(),
        };
        if let Some(template) = line.strip_prefix("using ") {
            self.template = template.trim().trim_matches('\'').to_owned();
            return Ok(after);
        }
        let (keyword, assignment) = text.split_once(' ').ok_or_else(unknown)?;
        let (name, value) = assignment.split_once('=').ok_or_else(unknown)?;
        let name = name.trim();
        if !matches!(keyword, "param" | "var") || name.contains(char::is_whitespace) {
            return Err(unknown());
        }
        let (expression, end) =
            Expression::parse_prefix(value).map_err(|error| ParameterFileError::Expression {
                path: self.path.clone(),
                error,
            })?;
        if keyword == "param" {
            self.parameters.push((name.to_owned(), expression));
        } else {
            self.variables.insert(name.to_owned(), expression);
        }
        Ok(&value[end..])
    }

    /// The values of the parameters, with these environment variables.
    ///
    /// # Errors
    /// [`EvaluationError`], for example of an environment variable that is not set.
    pub fn values(
        &self,
        environment: &[(&str, &str)],
    ) -> Result<BTreeMap<String, Value>, EvaluationError> {
        let scope = Scope {
            values: BTreeMap::new(),
            variables: self.variables.clone(),
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        let values = self.parameters.iter();
        values
            .map(|(name, expression)| Ok((name.clone(), scope.evaluate(expression)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_from_the_file_and_the_environment() {
        let file = ParameterFile::parse(
            "a.bicepparam",
            "// why\nusing 'main.bicep'\nparam a = 1\nvar b = readEnvironmentVariable('B', '')\n\
             param c = empty(b) ? null : b\nparam d = [\n  'x'\n]\n",
        )
        .unwrap();
        assert_eq!(file.template, "main.bicep");
        let values = file.values(&[("B", "y")]).unwrap();
        assert_eq!(values["a"], Value::Int(1));
        assert_eq!(values["c"], Value::Text("y".to_owned()));
        assert_eq!(file.values(&[]).unwrap()["c"], Value::Null);
        assert_eq!(values["d"], Value::Array(vec![Value::Text("x".to_owned())]));
    }

    #[test]
    fn other_statements_are_errors() {
        for text in [
            "set a = 1\n",
            "param a\n",
            "param a b = 1\n",
            "param a = \n",
        ] {
            assert!(
                ParameterFile::parse("a.bicepparam", text).is_err(),
                "{text}"
            );
        }
    }
}
