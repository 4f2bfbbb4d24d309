//! Visits every node of a statement, and accepts or refuses it.
mod query; // a query and its WITH clause
mod types; // types and collations

use std::collections::HashSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AExpr, AIndirection, FuncCall, JoinExpr, Node, RangeFunction, RangeTableSample, RangeVar,
    SelectStmt, SubLink, SubLinkType, WindowDef,
};

use super::allow_list::FIELDS;
use super::allowed::Allowed;
use super::catalog::{self, SizeRule};
use super::construct;
use super::implicit_call::{CURRENT_TIME_FUNCTION, current_time_syntax, implicit_syntax};
use super::name::{CheckOutcome, check_operator, check_sql_value_function, check_unquoted, names};
use super::printable::{WindowNames, spell_out_boolean};
use super::refusal::{Refusal, Rule};
use super::resolve::{self, CteScope};
use super::sql_json::{self, Part, Parts};
use types::check_collation;

/// Deepest nesting of nodes. The decoder of the parser's tree stops at about the same depth; this
/// limit does not depend on the decoder.
const MAX_DEPTH: usize = 100;

/// What a statement requires of the server and of the other checks.
#[derive(Debug, Default)]
pub(super) struct Requirements {
    /// The number of aggregates that collect values, each counted once per grouping set of its
    /// query.
    pub(super) accumulating_aggregates: u64,
    /// The lowest major version of PostgreSQL that supports the whole statement; 0 for any.
    pub(super) min_version: u32,
    /// The byte offsets of its column references, each of which must be resolved.
    pub(super) column_references: HashSet<i32>,
    /// The tables that it reads, each once, in the order of their first mention.
    pub(super) tables: Vec<String>,
}

/// Checks a whole query, and qualifies every table name with its schema.
pub(super) fn check_statement(
    select: &mut SelectStmt,
    allowed: Allowed<'_>,
) -> Result<Requirements, Refusal> {
    let mut walk = Walk {
        allowed,
        ctes: CteScope::default(),
        windows: WindowNames::default(),
        depth: 0,
        grouping_sets: 1,
        requirements: Requirements::default(),
    };
    walk.visit_select(select)?;
    Ok(walk.requirements)
}

struct Walk<'a> {
    allowed: Allowed<'a>,
    ctes: CteScope<()>,
    /// New names for windows of the innermost query.
    windows: WindowNames,
    depth: usize,
    /// The number of grouping sets of the innermost query.
    grouping_sets: u64,
    requirements: Requirements,
}

impl Walk<'_> {
    fn visit_nodes(&mut self, nodes: &mut [Node]) -> CheckOutcome {
        nodes.iter_mut().try_for_each(|node| self.visit_node(node))
    }

    fn visit_optional(&mut self, node: &mut Option<Box<Node>>) -> CheckOutcome {
        node.as_mut().map_or(Ok(()), |node| self.visit_node(node))
    }

    fn count_accumulating_aggregates(&mut self, count: u64) {
        let accumulating = &mut self.requirements.accumulating_aggregates;
        *accumulating = accumulating.saturating_add(count);
    }

    /// Adds a table, unless it is a WITH query, whose name has no schema.
    fn add_table(&mut self, table: &RangeVar) {
        let tables = &mut self.requirements.tables;
        if !table.schemaname.is_empty() && !tables.contains(&table.relname) {
            tables.push(table.relname.clone());
        }
    }

    fn descend(&mut self, visit: impl FnOnce(&mut Self) -> CheckOutcome) -> CheckOutcome {
        if self.depth == MAX_DEPTH {
            return Err(Refusal::too_deep());
        }
        self.depth += 1;
        let outcome = visit(self);
        self.depth -= 1;
        outcome
    }

    fn visit_node(&mut self, node: &mut Node) -> CheckOutcome {
        let Some(node) = node.node.as_mut() else {
            return Ok(()); // an absent element, such as the limit in LIMIT ALL
        };
        self.descend(|walk| walk.visit_variant(node))
    }

    fn visit_variant(&mut self, node: &mut NodeEnum) -> CheckOutcome {
        match node {
            // Leaves.
            NodeEnum::AConst(_)
            | NodeEnum::Integer(_)
            | NodeEnum::Float(_)
            | NodeEnum::Boolean(_)
            | NodeEnum::String(_)
            | NodeEnum::BitString(_)
            | NodeEnum::AStar(_) => Ok(()),
            NodeEnum::ColumnRef(column) => {
                resolve::remove_database_name(column, self.allowed.schema);
                self.add_column_reference(column.location);
                Ok(())
            }
            NodeEnum::SqlvalueFunction(function) => {
                check_sql_value_function(function.op(), function.location)?;
                current_time_syntax(function.op()).map_or(Ok(()), |syntax| {
                    self.check_implicit_call(CURRENT_TIME_FUNCTION, syntax, function.location)
                })
            }

            // Queries and FROM items.
            NodeEnum::SelectStmt(select) => self.visit_select(select),
            NodeEnum::RangeVar(table) => {
                resolve::qualify(table, &self.ctes, self.allowed.schema)?;
                self.add_table(table);
                Ok(())
            }
            NodeEnum::RangeTableSample(sample) => self.visit_sample(sample),
            NodeEnum::RangeSubselect(range) => self.visit_optional(&mut range.subquery),
            NodeEnum::RangeFunction(range) => self.visit_range_function(range),
            NodeEnum::JoinExpr(join) => self.visit_join(join),

            // Expressions.
            NodeEnum::ResTarget(target) => {
                self.visit_nodes(&mut target.indirection)?;
                self.visit_optional(&mut target.val)
            }
            NodeEnum::AExpr(expr) => self.visit_expr(expr),
            NodeEnum::BoolExpr(expr) => self.visit_nodes(&mut expr.args),
            NodeEnum::FuncCall(call) => self.visit_call(call),
            NodeEnum::SubLink(link) => self.visit_sub_link(link),
            NodeEnum::TypeCast(cast) => {
                spell_out_boolean(cast);
                cast.type_name
                    .as_ref()
                    .map_or(Ok(()), |name| self.check_type(name))?;
                self.visit_optional(&mut cast.arg)
            }
            NodeEnum::CaseExpr(case) => {
                self.visit_optional(&mut case.arg)?;
                self.visit_nodes(&mut case.args)?;
                self.visit_optional(&mut case.defresult)
            }
            NodeEnum::CaseWhen(when) => {
                self.visit_optional(&mut when.expr)?;
                self.visit_optional(&mut when.result)
            }
            NodeEnum::CoalesceExpr(expr) => self.visit_nodes(&mut expr.args),
            NodeEnum::MinMaxExpr(expr) => self.visit_nodes(&mut expr.args),
            NodeEnum::NullTest(test) => self.visit_optional(&mut test.arg),
            NodeEnum::JsonIsPredicate(test) => self.visit_optional(&mut test.expr),
            NodeEnum::CollateClause(collate) => {
                check_collation(&collate.collname, collate.location)?;
                self.visit_optional(&mut collate.arg)
            }
            NodeEnum::BooleanTest(test) => self.visit_optional(&mut test.arg),
            NodeEnum::RowExpr(row) => self.visit_nodes(&mut row.args),
            NodeEnum::AArrayExpr(array) => self.visit_nodes(&mut array.elements),
            NodeEnum::AIndices(indices) => {
                self.visit_optional(&mut indices.lidx)?;
                self.visit_optional(&mut indices.uidx)
            }
            NodeEnum::AIndirection(indirection) => self.visit_indirection(indirection),
            NodeEnum::NamedArgExpr(arg) => {
                check_unquoted(&arg.name, "a named argument")?;
                self.visit_optional(&mut arg.arg)
            }
            NodeEnum::List(list) => self.visit_nodes(&mut list.items),

            // Sorting, grouping, windows.
            NodeEnum::SortBy(sort) => {
                check_operator(self.allowed, &sort.use_op, sort.location)?;
                self.visit_optional(&mut sort.node)
            }
            NodeEnum::GroupingSet(set) => self.visit_nodes(&mut set.content),
            NodeEnum::GroupingFunc(grouping) => self.visit_nodes(&mut grouping.args),
            NodeEnum::WindowDef(window) => self.visit_window(window),

            other => self.visit_sql_json(other),
        }
    }

    /// Visits an SQL/JSON node, and refuses any other node.
    fn visit_sql_json(&mut self, node: &mut NodeEnum) -> CheckOutcome {
        let refusal = construct::refusal(node);
        let Some(parts) = sql_json::parts(node)? else {
            return Err(refusal);
        };
        let Parts {
            all,
            accumulates,
            syntax,
            location,
            min_version,
        } = parts;
        if let Some(syntax) = syntax {
            for function in syntax.functions {
                self.check_implicit_call(function, syntax.name, location)?;
            }
        }
        if accumulates {
            self.count_accumulating_aggregates(self.grouping_sets);
        }
        self.requirements.min_version = self.requirements.min_version.max(min_version);
        all.into_iter().try_for_each(|part| match part {
            Part::Node(node) => self.visit_node(node),
            Part::Type(name) => self.check_type(name),
            Part::Window(window) => self.visit_window(window),
        })
    }

    /// Adds a reference for the resolver. Only the `*` of `TABLE x` has no location.
    fn add_column_reference(&mut self, location: i32) {
        if location >= 0 {
            self.requirements.column_references.insert(location);
        }
    }

    fn visit_sample(&mut self, sample: &mut RangeTableSample) -> CheckOutcome {
        match names(&sample.method).as_slice() {
            ["bernoulli" | "system"] | ["pg_catalog", "bernoulli" | "system"] => {}
            name => {
                let construct = format!("TABLESAMPLE {}", name.join("."));
                let hint = "use TABLESAMPLE BERNOULLI (percent) or SYSTEM (percent)";
                return Err(Refusal::construct_with_hint(&construct, hint).at(sample.location));
            }
        }
        self.visit_optional(&mut sample.relation)?;
        self.visit_nodes(&mut sample.args)?;
        self.visit_optional(&mut sample.repeatable)
    }

    fn visit_join(&mut self, join: &mut JoinExpr) -> CheckOutcome {
        if let Some(alias) = &join.join_using_alias {
            check_unquoted(&alias.aliasname, "a join")?;
        }
        self.visit_optional(&mut join.larg)?;
        self.visit_optional(&mut join.rarg)?;
        self.visit_optional(&mut join.quals)
    }

    fn visit_range_function(&mut self, range: &mut RangeFunction) -> CheckOutcome {
        if !range.coldeflist.is_empty() {
            return Err(Refusal::construct("a column definition list"));
        }
        // PostgreSQL rejects them too. The expression around a weighed aggregate could not be
        // printed there: in a debug build, an assertion of the deparser aborts the process.
        if let Some(call) = range.functions.iter().find_map(aggregate_or_window_call) {
            return Err(Refusal::construct_with_hint(
                "an aggregate or window function in FROM",
                "call it in SELECT, as in FROM (SELECT sum(x) FROM …) AS s",
            )
            .at(call.location));
        }
        self.visit_nodes(&mut range.functions)
    }

    fn visit_expr(&mut self, expr: &mut AExpr) -> CheckOutcome {
        // BETWEEN and its variants hold the keywords in the place of an operator's name.
        if !expr.kind().as_str_name().contains("BETWEEN") {
            check_operator(self.allowed, &expr.name, expr.location)?;
        }
        self.visit_optional(&mut expr.lexpr)?;
        self.visit_optional(&mut expr.rexpr)
    }

    fn visit_call(&mut self, call: &mut FuncCall) -> CheckOutcome {
        let syntax = names(&call.funcname)
            .last()
            .and_then(|name| implicit_syntax(name, call));
        let FuncCall {
            funcname,
            args,
            agg_order,
            agg_filter,
            over,
            agg_within_group: _,
            agg_star: _,
            agg_distinct: _,
            func_variadic: _,
            funcformat: _,
            location,
        } = call;
        let known = match names(funcname).as_slice() {
            [name] | ["pg_catalog", name] => catalog::function(name),
            _ => None,
        };
        let function = known.ok_or_else(|| {
            Refusal::unknown_function(self.allowed, &names(funcname)).at(*location)
        })?;
        if !self.allowed.functions.contains(function.name) {
            let refusal = match syntax {
                Some(syntax) => Refusal::withheld_function(function.name, syntax),
                None => Refusal::unknown_function(self.allowed, &names(funcname)),
            };
            return Err(refusal.at(*location));
        }
        // TRIM(a, b, c) has no meaning, and in a debug build an assertion of the deparser fails on
        // it and aborts the process.
        if matches!(function.name, "btrim" | "ltrim" | "rtrim") && args.len() > 2 {
            return Err(Refusal::construct("TRIM with more than two arguments").at(*location));
        }
        if function.size == SizeRule::Accumulates {
            self.count_accumulating_aggregates(self.grouping_sets);
        }
        self.visit_nodes(args)?;
        self.visit_nodes(agg_order)?;
        self.visit_optional(agg_filter)?;
        over.as_mut()
            .map_or(Ok(()), |window| self.visit_window(window))
    }

    /// Checks a function that the syntax of SQL calls.
    fn check_implicit_call(
        &self,
        function: &str,
        syntax: &'static str,
        location: i32,
    ) -> CheckOutcome {
        if self.allowed.functions.contains(function) {
            return Ok(());
        }
        Err(Refusal::withheld_function(function, syntax).at(location))
    }

    fn visit_window(&mut self, window: &mut WindowDef) -> CheckOutcome {
        self.windows.rename(window);
        check_unquoted(&window.name, "a window")?;
        check_unquoted(&window.refname, "a window")?;
        self.visit_nodes(&mut window.partition_clause)?;
        self.visit_nodes(&mut window.order_clause)?;
        self.visit_optional(&mut window.start_offset)?;
        self.visit_optional(&mut window.end_offset)
    }

    fn visit_sub_link(&mut self, link: &mut SubLink) -> CheckOutcome {
        if link.sub_link_type() == SubLinkType::ArraySublink {
            self.count_accumulating_aggregates(1);
        }
        check_operator(self.allowed, &link.oper_name, link.location)?;
        self.visit_optional(&mut link.testexpr)?;
        self.visit_optional(&mut link.subselect)
    }

    fn visit_indirection(&mut self, indirection: &mut AIndirection) -> CheckOutcome {
        for step in &mut indirection.indirection {
            match step.node.as_mut() {
                Some(NodeEnum::String(field)) if FIELDS.contains(&field.sval.as_str()) => {}
                Some(NodeEnum::String(field)) => {
                    return Err(Refusal::new(
                        Rule::Column,
                        format!(
                            "selecting .{} from an expression is not allowed",
                            field.sval
                        ),
                        "name the columns in the FROM clause, as in FROM jsonb_each(x) AS e(key, value)",
                    ));
                }
                _ => self.visit_node(step)?,
            }
        }
        self.visit_optional(&mut indirection.arg)
    }
}

/// The call in an item of a function in FROM, if it calls nothing but an aggregate or a window
/// function.
fn aggregate_or_window_call(item: &Node) -> Option<&FuncCall> {
    let Some(NodeEnum::List(item)) = &item.node else {
        return None;
    };
    let Some(NodeEnum::FuncCall(call)) = &item.items.first()?.node else {
        return None;
    };
    let function = catalog::function(names(&call.funcname).last()?)?;
    (!function.kinds.function && !function.kinds.set).then_some(call)
}
