//! Evaluates expressions whose parameters are known.

use std::collections::BTreeMap;

use crate::expression::{Expression, Part};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(BTreeMap<String, Value>),
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A name without a value: one that only a deployment knows.
    #[error("`{0}` is not known before a deployment")]
    Unknown(String),
    /// The template rejects its parameters.
    #[error("the template fails: {0}")]
    Failed(String),
    /// A function, an operator or a property does not apply.
    #[error("{0} does not apply to these values")]
    Mismatch(String),
}

/// The variables of a file, evaluated when they are needed.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// What is known: parameters, items of a loop, environment variables.
    pub values: BTreeMap<String, Value>,
    /// Variables that are not evaluated yet.
    pub variables: BTreeMap<String, Expression>,
    /// Environment variables, for `readEnvironmentVariable`.
    pub environment: BTreeMap<String, String>,
}

type Result<T> = std::result::Result<T, EvaluationError>;

impl Value {
    /// The property of an object; `null` if it has none.
    #[must_use]
    pub fn get(&self, name: &str) -> Self {
        match self {
            Self::Object(properties) => properties.get(name).cloned().unwrap_or(Self::Null),
            _ => Self::Null,
        }
    }

    /// A string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    fn display(&self) -> Result<String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Int(number) => Ok(number.to_string()),
            Self::Bool(value) => Ok(if *value { "True" } else { "False" }.to_owned()),
            _ => Err(mismatch("interpolation")),
        }
    }

    fn is_empty(&self) -> Result<bool> {
        match self {
            Self::Null => Ok(true),
            Self::Text(text) => Ok(text.is_empty()),
            Self::Array(items) => Ok(items.is_empty()),
            Self::Object(properties) => Ok(properties.is_empty()),
            _ => Err(mismatch("empty")),
        }
    }
}

impl Scope {
    /// Evaluates an expression.
    ///
    /// # Errors
    /// [`EvaluationError`] says why it has no value.
    pub fn evaluate(&self, expression: &Expression) -> Result<Value> {
        match expression {
            Expression::Null => Ok(Value::Null),
            Expression::Bool(value) => Ok(Value::Bool(*value)),
            Expression::Int(number) => Ok(Value::Int(*number)),
            Expression::Text(parts) => Ok(Value::Text(self.text(parts)?)),
            Expression::Name(name) => self.name(name),
            Expression::Member(of, name) => Ok(self.evaluate(of)?.get(name)),
            Expression::Index(of, index) => match (self.evaluate(of)?, self.evaluate(index)?) {
                (Value::Array(items), Value::Int(index)) => usize::try_from(index)
                    .ok()
                    .and_then(|index| items.get(index).cloned())
                    .ok_or_else(|| mismatch("an index")),
                (object @ Value::Object(_), Value::Text(name)) => Ok(object.get(&name)),
                _ => Err(mismatch("an index")),
            },
            Expression::Call(function, arguments) => self.call(function, arguments),
            Expression::Object(properties) => {
                let properties = properties
                    .iter()
                    .map(|(key, value)| Ok((self.text(key)?, self.evaluate(value)?)));
                Ok(Value::Object(properties.collect::<Result<_>>()?))
            }
            Expression::Array(items) => {
                let items = items.iter().map(|item| self.evaluate(item));
                Ok(Value::Array(items.collect::<Result<_>>()?))
            }
            Expression::Ternary(parts) => match self.evaluate(&parts[0])? {
                Value::Bool(true) => self.evaluate(&parts[1]),
                Value::Bool(false) => self.evaluate(&parts[2]),
                _ => Err(mismatch("a condition")),
            },
            Expression::Binary(operator, sides) => self.binary(operator, sides),
            Expression::Unary(operator, operand) => match (operator, self.evaluate(operand)?) {
                ('!', Value::Bool(value)) => Ok(Value::Bool(!value)),
                ('-', Value::Int(number)) => Ok(Value::Int(-number)),
                _ => Err(mismatch("a sign")),
            },
            Expression::Lambda(..) => Err(mismatch("a lambda")),
        }
    }

    fn name(&self, name: &str) -> Result<Value> {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        match self.variables.get(name) {
            Some(expression) => self.evaluate(expression),
            None => Err(EvaluationError::Unknown(name.to_owned())),
        }
    }

    fn text(&self, parts: &[Part]) -> Result<String> {
        let parts = parts.iter().map(|part| match part {
            Part::Literal(text) => Ok(text.clone()),
            Part::Value(expression) => self.evaluate(expression)?.display(),
        });
        parts.collect()
    }

    fn binary(&self, operator: &str, sides: &[Expression; 2]) -> Result<Value> {
        let left = self.evaluate(&sides[0])?;
        match (operator, &left) {
            ("??", Value::Null) => return self.evaluate(&sides[1]),
            ("??", _) | ("||", Value::Bool(true)) | ("&&", Value::Bool(false)) => return Ok(left),
            _ => {}
        }
        let right = self.evaluate(&sides[1])?;
        Ok(match (operator, left, right) {
            ("||" | "&&", Value::Bool(_), right @ Value::Bool(_)) => right,
            ("==", left, right) => Value::Bool(left == right),
            ("!=", left, right) => Value::Bool(left != right),
            ("<", Value::Int(left), Value::Int(right)) => Value::Bool(left < right),
            ("<=", Value::Int(left), Value::Int(right)) => Value::Bool(left <= right),
            (">", Value::Int(left), Value::Int(right)) => Value::Bool(left > right),
            (">=", Value::Int(left), Value::Int(right)) => Value::Bool(left >= right),
            ("+", Value::Int(left), Value::Int(right)) => Value::Int(left + right),
            ("-", Value::Int(left), Value::Int(right)) => Value::Int(left - right),
            ("*", Value::Int(left), Value::Int(right)) => Value::Int(left * right),
            ("/", Value::Int(left), Value::Int(right)) if right != 0 => Value::Int(left / right),
            ("%", Value::Int(left), Value::Int(right)) if right != 0 => Value::Int(left % right),
            _ => return Err(mismatch(operator)),
        })
    }

    fn call(&self, function: &str, arguments: &[Expression]) -> Result<Value> {
        if let ("map", [list, Expression::Lambda(parameter, body)]) = (function, arguments) {
            let Value::Array(items) = self.evaluate(list)? else {
                return Err(mismatch(function));
            };
            let mapped = items.into_iter().map(|item| {
                let mut inner = self.clone();
                inner.values.insert(parameter.clone(), item);
                inner.evaluate(body)
            });
            return Ok(Value::Array(mapped.collect::<Result<_>>()?));
        }
        let arguments = arguments.iter().map(|argument| self.evaluate(argument));
        let arguments = arguments.collect::<Result<Vec<_>>>()?;
        match (function, arguments.as_slice()) {
            ("min", [Value::Int(a), Value::Int(b)]) => Ok(Value::Int(*a.min(b))),
            ("max", [Value::Int(a), Value::Int(b)]) => Ok(Value::Int(*a.max(b))),
            ("take", [Value::Text(text), Value::Int(count)]) => {
                let count = usize::try_from(*count).unwrap_or(0);
                Ok(Value::Text(text.chars().take(count).collect()))
            }
            ("toLower", [Value::Text(text)]) => Ok(Value::Text(text.to_lowercase())),
            ("replace", [Value::Text(text), Value::Text(from), Value::Text(to)]) => {
                Ok(Value::Text(text.replace(from.as_str(), to)))
            }
            ("string", [value]) => Ok(Value::Text(value.display()?)),
            ("empty", [value]) => Ok(Value::Bool(value.is_empty()?)),
            ("length", [Value::Text(text)]) => int(text.len()),
            ("length", [Value::Array(items)]) => int(items.len()),
            ("range", [Value::Int(start), Value::Int(count)]) => {
                let items = (*start..start + count).map(Value::Int);
                Ok(Value::Array(items.collect()))
            }
            ("join", [Value::Array(items), Value::Text(separator)]) => {
                let items = items.iter().map(Value::display);
                Ok(Value::Text(
                    items.collect::<Result<Vec<_>>>()?.join(separator),
                ))
            }
            // The same length as Azure's; which characters does not matter here.
            ("uniqueString", _) => Ok(Value::Text("abcdefghijklm".to_owned())),
            ("subscription" | "tenant" | "resourceGroup", []) => Ok(Value::Object(BTreeMap::from(
                [("id", "/id"), ("tenantId", "tenant")]
                    .map(|(key, value)| (key.to_owned(), Value::Text(value.to_owned()))),
            ))),
            ("fail", [Value::Text(message)]) => Err(EvaluationError::Failed(message.clone())),
            ("readEnvironmentVariable", [Value::Text(name), default @ ..]) => {
                match (self.environment.get(name), default) {
                    (Some(value), _) => Ok(Value::Text(value.clone())),
                    (None, [default]) => Ok(default.clone()),
                    (None, _) => Err(EvaluationError::Unknown(name.clone())),
                }
            }
            ("concat", lists) => {
                let mut all = Vec::new();
                for list in lists {
                    let Value::Array(items) = list else {
                        return Err(mismatch(function));
                    };
                    all.extend(items.iter().cloned());
                }
                Ok(Value::Array(all))
            }
            _ => Err(mismatch(function)),
        }
    }
}

fn mismatch(what: &str) -> EvaluationError {
    EvaluationError::Mismatch(what.to_owned())
}

fn int(number: usize) -> Result<Value> {
    i64::try_from(number)
        .map(Value::Int)
        .map_err(|_| mismatch("length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Value) {
        let scope = Scope {
            values: BTreeMap::from([("n".to_owned(), Value::Int(7))]),
            variables: BTreeMap::from([(
                "sizes".to_owned(),
                Expression::parse("{ dev: { pool: 5 } }").unwrap(),
            )]),
            environment: BTreeMap::from([("A".to_owned(), "x".to_owned())]),
        };
        let value = scope.evaluate(&Expression::parse(text).unwrap());
        assert_eq!(value, Ok(expect), "{text}");
    }

    #[test]
    fn expressions_have_the_values_that_bicep_gives_them() {
        let text = |text: &str| Value::Text(text.to_owned());
        check("max(1, min(n, 50 / sizes['dev'].pool - 8))", Value::Int(2));
        check("'a-${n}${take('xyz', 2)}'", text("a-7xy"));
        check("empty('') ? null : 'x'", Value::Null);
        check("null ?? readEnvironmentVariable('A')", text("x"));
        check("readEnvironmentVariable('B', 'y')", text("y"));
        check("join(map(range(1, 2), i => 'r${i}'), ',')", text("r1,r2"));
        check("n == 7 && !(n > 7)", Value::Bool(true));
        check("false && fail('not evaluated')", Value::Bool(false));
    }

    #[test]
    fn a_value_that_only_a_deployment_knows_is_an_error() {
        let expression = Expression::parse("vault.outputs.uri").unwrap();
        assert_eq!(
            Scope::default().evaluate(&expression),
            Err(EvaluationError::Unknown("vault".to_owned()))
        );
    }
}
