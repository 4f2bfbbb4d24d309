//! Visits every node of a statement and decides about it.
mod query; // a query and its WITH clause

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    AExpr, AIndirection, ColumnRef, FuncCall, JoinExpr, Node, RangeFunction, RangeTableSample,
    RangeVar, SelectStmt, SubLink, SubLinkType, TypeName, WindowDef,
};

use super::allow_list::{COLLATIONS, FIELDS, FUNCTIONS, SizeRule, TYPES};
use super::construct;
use super::hints;
use super::name::{Verdict, names, operator, plain, sql_value};
use super::printable::{WindowNames, spell_boolean};
use super::qualified::Qualified;
use super::refusal::{Refusal, Rule};
use super::relations::{DATABASE, SCHEMA, relation};
use super::sql_json::{self, Part, Parts};

/// The parser's own tree is at most about this deep (its decoder stops there); a bound of our own
/// holds whatever it does.
const DEEPEST: usize = 100;

/// What a statement needs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needs {
    /// How many aggregates collect, each as often as its query has groupings.
    pub(super) collecting: u64,
    /// The first version of PostgreSQL that has all of it; 0 for any.
    pub(super) version: u32,
}

/// Visits a whole query; every table it names ends up with its schema written out.
pub(super) fn statement(select: &mut SelectStmt) -> Result<Needs, Refusal> {
    let mut walk = Walk {
        names: Vec::new(),
        qualified: Qualified::default(),
        windows: WindowNames::default(),
        depth: 0,
        groupings: 1,
        needs: Needs::default(),
    };
    walk.select(select)?;
    walk.qualified.verdict()?;
    Ok(walk.needs)
}

/// `names` are those that WITH clauses have given to queries, innermost last.
struct Walk {
    names: Vec<String>,
    qualified: Qualified,
    /// Of the innermost query.
    windows: WindowNames,
    depth: usize,
    /// How many groupings the innermost query has.
    groupings: u64,
    needs: Needs,
}

impl Walk {
    fn nodes(&mut self, nodes: &mut [Node]) -> Verdict {
        nodes.iter_mut().try_for_each(|node| self.node(node))
    }

    fn optional(&mut self, node: &mut Option<Box<Node>>) -> Verdict {
        node.as_mut().map_or(Ok(()), |node| self.node(node))
    }

    fn deeper(&mut self, visit: impl FnOnce(&mut Self) -> Verdict) -> Verdict {
        if self.depth == DEEPEST {
            return Err(Refusal::too_deep());
        }
        self.depth += 1;
        let verdict = visit(self);
        self.depth -= 1;
        verdict
    }

    fn node(&mut self, node: &mut Node) -> Verdict {
        let Some(node) = node.node.as_mut() else {
            return Ok(()); // an absent element, such as the limit in LIMIT ALL
        };
        self.deeper(|walk| walk.known(node))
    }

    fn known(&mut self, node: &mut NodeEnum) -> Verdict {
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
                without_database(column);
                self.qualified.column(column)
            }
            NodeEnum::SqlvalueFunction(function) => sql_value(function.op(), function.location),

            // What a query reads from.
            NodeEnum::SelectStmt(select) => self.select(select),
            NodeEnum::RangeVar(table) => self.table(table),
            NodeEnum::RangeTableSample(sample) => self.sample(sample),
            NodeEnum::RangeSubselect(range) => self.optional(&mut range.subquery),
            NodeEnum::RangeFunction(range) => self.range_function(range),
            NodeEnum::JoinExpr(join) => self.join(join),

            // Expressions.
            NodeEnum::ResTarget(target) => {
                self.nodes(&mut target.indirection)?;
                self.optional(&mut target.val)
            }
            NodeEnum::AExpr(expr) => self.expr(expr),
            NodeEnum::BoolExpr(expr) => self.nodes(&mut expr.args),
            NodeEnum::FuncCall(call) => self.call(call),
            NodeEnum::SubLink(link) => self.sub_link(link),
            NodeEnum::TypeCast(cast) => {
                spell_boolean(cast);
                cast.type_name
                    .as_ref()
                    .map_or(Ok(()), |name| self.type_name(name))?;
                self.optional(&mut cast.arg)
            }
            NodeEnum::CaseExpr(case) => {
                self.optional(&mut case.arg)?;
                self.nodes(&mut case.args)?;
                self.optional(&mut case.defresult)
            }
            NodeEnum::CaseWhen(when) => {
                self.optional(&mut when.expr)?;
                self.optional(&mut when.result)
            }
            NodeEnum::CoalesceExpr(expr) => self.nodes(&mut expr.args),
            NodeEnum::MinMaxExpr(expr) => self.nodes(&mut expr.args),
            NodeEnum::NullTest(test) => self.optional(&mut test.arg),
            NodeEnum::JsonIsPredicate(test) => self.optional(&mut test.expr),
            NodeEnum::CollateClause(collate) => {
                collation(&collate.collname, collate.location)?;
                self.optional(&mut collate.arg)
            }
            NodeEnum::BooleanTest(test) => self.optional(&mut test.arg),
            NodeEnum::RowExpr(row) => self.nodes(&mut row.args),
            NodeEnum::AArrayExpr(array) => self.nodes(&mut array.elements),
            NodeEnum::AIndices(indices) => {
                self.optional(&mut indices.lidx)?;
                self.optional(&mut indices.uidx)
            }
            NodeEnum::AIndirection(indirection) => self.indirection(indirection),
            NodeEnum::NamedArgExpr(arg) => {
                plain(&arg.name, "a named argument")?;
                self.optional(&mut arg.arg)
            }
            NodeEnum::List(list) => self.nodes(&mut list.items),

            // Order, groups, windows.
            NodeEnum::SortBy(sort) => {
                operator(&sort.use_op, sort.location)?;
                self.optional(&mut sort.node)
            }
            NodeEnum::GroupingSet(set) => self.nodes(&mut set.content),
            NodeEnum::GroupingFunc(grouping) => self.nodes(&mut grouping.args),
            NodeEnum::WindowDef(window) => self.window(window),

            other => self.other(other),
        }
    }

    fn other(&mut self, node: &mut NodeEnum) -> Verdict {
        let refusal = construct::refusal(node);
        let Some(parts) = sql_json::parts(node)? else {
            return Err(refusal);
        };
        let Parts {
            all,
            collects,
            version,
        } = parts;
        if collects {
            self.needs.collecting = self.needs.collecting.saturating_add(self.groupings);
        }
        self.needs.version = self.needs.version.max(version);
        all.into_iter().try_for_each(|part| match part {
            Part::Node(node) => self.node(node),
            Part::Type(name) => self.type_name(name),
            Part::Window(window) => self.window(window),
        })
    }

    fn table(&self, table: &mut RangeVar) -> Verdict {
        let RangeVar {
            catalogname,
            schemaname,
            relname,
            inh: _,
            relpersistence: _,
            alias: _,
            location,
        } = table;
        if catalogname.is_empty() && schemaname.is_empty() && self.names.contains(relname) {
            return Ok(());
        }
        let is_ours = schemaname == SCHEMA && relation(relname).is_some();
        if is_ours && catalogname == DATABASE {
            catalogname.clear();
        }
        if is_ours && !catalogname.is_empty() {
            return Err(Refusal::other_database(catalogname, schemaname, relname).at(*location));
        }
        let ours = catalogname.is_empty() && (schemaname.is_empty() || schemaname == SCHEMA);
        if !ours || relation(relname).is_none() {
            return Err(Refusal::unknown_table(schemaname, relname).at(*location));
        }
        // Written out, so that what runs does not depend on a search path.
        SCHEMA.clone_into(schemaname);
        Ok(())
    }

    fn sample(&mut self, sample: &mut RangeTableSample) -> Verdict {
        match names(&sample.method).as_slice() {
            ["bernoulli" | "system"] | ["pg_catalog", "bernoulli" | "system"] => {}
            name => {
                let what = format!("TABLESAMPLE {}", name.join("."));
                let hint = "use TABLESAMPLE BERNOULLI (percent) or SYSTEM (percent)";
                return Err(Refusal::construct_but(&what, hint).at(sample.location));
            }
        }
        self.optional(&mut sample.relation)?;
        self.nodes(&mut sample.args)?;
        self.optional(&mut sample.repeatable)
    }

    fn join(&mut self, join: &mut JoinExpr) -> Verdict {
        if let Some(alias) = &join.join_using_alias {
            plain(&alias.aliasname, "a join")?;
        }
        self.optional(&mut join.larg)?;
        self.optional(&mut join.rarg)?;
        self.optional(&mut join.quals)
    }

    fn range_function(&mut self, range: &mut RangeFunction) -> Verdict {
        if !range.coldeflist.is_empty() {
            return Err(Refusal::construct("a column definition list"));
        }
        self.qualified.function(range)?;
        self.nodes(&mut range.functions)
    }

    fn expr(&mut self, expr: &mut AExpr) -> Verdict {
        // BETWEEN and its kin carry their own name instead of an operator's.
        if !expr.kind().as_str_name().contains("BETWEEN") {
            operator(&expr.name, expr.location)?;
        }
        self.optional(&mut expr.lexpr)?;
        self.optional(&mut expr.rexpr)
    }

    fn call(&mut self, call: &mut FuncCall) -> Verdict {
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
        let name = match names(funcname).as_slice() {
            [name] | ["pg_catalog", name] if FUNCTIONS.contains_key(name) => Ok(()),
            name => Err(Refusal::unknown_function(name).at(*location)),
        };
        name?;
        // TRIM(a, b, c) has no meaning, and the printer's own assertion ends the process on it in a
        // debug build.
        if matches!(
            names(funcname).as_slice(),
            [.., "btrim" | "ltrim" | "rtrim"]
        ) && args.len() > 2
        {
            return Err(Refusal::construct("TRIM of more than two values").at(*location));
        }
        if names(funcname).last().and_then(|name| FUNCTIONS.get(name))
            == Some(&SizeRule::Accumulates)
        {
            self.needs.collecting = self.needs.collecting.saturating_add(self.groupings);
        }
        self.nodes(args)?;
        self.nodes(agg_order)?;
        self.optional(agg_filter)?;
        over.as_mut().map_or(Ok(()), |window| self.window(window))
    }

    fn window(&mut self, window: &mut WindowDef) -> Verdict {
        self.windows.rename(window);
        plain(&window.name, "a window")?;
        plain(&window.refname, "a window")?;
        self.nodes(&mut window.partition_clause)?;
        self.nodes(&mut window.order_clause)?;
        self.optional(&mut window.start_offset)?;
        self.optional(&mut window.end_offset)
    }

    fn sub_link(&mut self, link: &mut SubLink) -> Verdict {
        if link.sub_link_type() == SubLinkType::ArraySublink {
            self.needs.collecting = self.needs.collecting.saturating_add(1);
        }
        operator(&link.oper_name, link.location)?;
        self.optional(&mut link.testexpr)?;
        self.optional(&mut link.subselect)
    }

    fn indirection(&mut self, indirection: &mut AIndirection) -> Verdict {
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
                _ => self.node(step)?,
            }
        }
        self.optional(&mut indirection.arg)
    }

    fn type_name(&self, name: &TypeName) -> Verdict {
        let known = match names(&name.names).as_slice() {
            [name] | ["pg_catalog", name] => TYPES.contains(name),
            ["public", name] => *name == "vector",
            _ => false,
        };
        if !known || name.setof || name.pct_type {
            let what = format!("the type {} is not allowed", names(&name.names).join("."));
            let hint = names(&name.names)
                .last()
                .and_then(|name| hints::foreign(hints::ForeignKind::Type, name))
                .unwrap_or_else(|| {
                    "use a number, text, date, time, interval, uuid, JSON, range or array type"
                        .to_owned()
                });
            return Err(Refusal::new(Rule::Type, what, hint).at(name.location));
        }
        // A size is a number as it stands, and the printer relies on that.
        let a_number = |size: &Node| matches!(&size.node, Some(NodeEnum::AConst(constant)) if matches!(constant.val, Some(Val::Ival(_))));
        if name.typmods.iter().all(a_number) {
            return Ok(());
        }
        Err(Refusal::construct("a type's size that is no number").at(name.location))
    }
}

/// `zava.retail.orders.order_id` becomes `retail.orders.order_id`: what runs does not depend on the
/// name that a deployment gives its database.
fn without_database(column: &mut ColumnRef) {
    let is_named = names(&column.fields).first() == Some(&DATABASE);
    if is_named && column.fields.len() == 4 {
        column.fields.remove(0);
    }
}

fn collation(name: &[Node], location: i32) -> Verdict {
    match names(name).as_slice() {
        [name] | ["pg_catalog", name] if COLLATIONS.contains(name) => Ok(()),
        name => Err(Refusal::new(
            Rule::Type,
            format!("the collation {} is not allowed", name.join(".")),
            format!("leave COLLATE out, or use one of {}", COLLATIONS.join(", ")),
        )
        .at(location)),
    }
}
