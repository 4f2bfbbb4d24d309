//! Edits are applied completely and in order, or the statement is refused.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ParseResult, SelectStmt};

use crate::cost::build_ast;
use crate::cost::edit_tree::{self, Visitor};
use crate::cost::edits::{Becomes, Edits};
use crate::name::CheckOutcome;
use crate::refusal::Refusal;
use crate::tests::check;

fn parse(text: &str) -> ParseResult {
    pg_query::parse(text, 0).expect(text).protobuf
}

fn query(tree: &mut ParseResult) -> &mut SelectStmt {
    let statement = tree.stmts[0]
        .stmt
        .as_mut()
        .and_then(|node| node.node.as_mut());
    match statement {
        Some(NodeEnum::SelectStmt(select)) => select,
        other => panic!("not a query: {other:?}"),
    }
}

/// The first value of the select list.
fn first_value(select: &SelectStmt) -> &Node {
    value(&select.target_list[0])
}

fn value(target: &Node) -> &Node {
    match &target.node {
        Some(NodeEnum::ResTarget(target)) => target.val.as_deref().expect("a value"),
        other => panic!("no item of a select list: {other:?}"),
    }
}

/// The text of a statement after these edits of it.
fn edited(text: &str, record: impl FnOnce(&SelectStmt, &mut Edits)) -> Result<String, Refusal> {
    let mut tree = parse(text);
    let mut edits = Edits::default();
    record(query(&mut tree), &mut edits);
    edits.apply(query(&mut tree))?;
    let options = pg_query::DeparseOptions::default();
    Ok(pg_query::deparse(&tree, options).expect("printable"))
}

fn cast_to(type_name: &'static str) -> impl FnOnce(Node) -> Node {
    move |node| build_ast::cast(node, type_name)
}

#[test]
fn edits_of_a_node_are_applied_in_the_order_of_their_recording() {
    let text = edited("SELECT 1", |select, edits| {
        let value = first_value(select);
        edits.replace(value, Becomes::Other, cast_to("text"));
        edits.wrap(value, "fits", Vec::new());
        edits.replace(value, Becomes::SubLink, build_ast::scalar_subquery);
        edits.change_query(select, build_ast::add_offset_zero);
    });
    assert_eq!(
        text.expect("applied"),
        "SELECT (SELECT bounded.fits(1::pg_catalog.text)) OFFSET 0"
    );
}

/// The edit of a node sees its parts finished, whichever was recorded first.
#[test]
fn parts_of_a_node_are_edited_before_the_node() {
    let text = edited("SELECT lower('a')", |select, edits| {
        let call = first_value(select);
        let Some(NodeEnum::FuncCall(parts)) = &call.node else {
            panic!("no call: {call:?}");
        };
        edits.replace(call, Becomes::Other, |call| {
            build_ast::coalesce(vec![call.clone(), call])
        });
        edits.replace(&parts.args[0], Becomes::Other, cast_to("text"));
    });
    assert_eq!(
        text.expect("applied"),
        "SELECT COALESCE(lower('a'::pg_catalog.text), lower('a'::pg_catalog.text))"
    );
}

#[test]
fn an_edit_that_cannot_be_applied_refuses_the_statement() {
    let unapplied = Refusal::unprintable().to_string();
    let elsewhere = parse("SELECT 1").stmts.remove(0).stmt.expect("a statement");
    let lost = edited("SELECT 1", |_, edits| {
        edits.replace(&elsewhere, Becomes::Other, build_ast::scalar_subquery);
    });
    assert_eq!(lost.expect_err("lost").to_string(), unapplied);
    let lost = edited("SELECT 1", |select, edits| {
        let copy = Box::new(select.clone());
        edits.change_query(&copy, build_ast::add_offset_zero);
        // The first query is edited, the copy cannot be.
        edits.change_query(select, build_ast::add_offset_zero);
    });
    assert_eq!(lost.expect_err("lost").to_string(), unapplied);
    // A name of an operator is no place that edits reach.
    let lost = edited("SELECT 1 + 2", |select, edits| {
        let Some(NodeEnum::AExpr(sum)) = &first_value(select).node else {
            panic!("no sum: {select:?}");
        };
        edits.replace(&sum.name[0], Becomes::Other, cast_to("text"));
    });
    assert_eq!(lost.expect_err("lost").to_string(), unapplied);
    // A node of another kind than the edit expects.
    let unexpected = edited("SELECT 1", |select, edits| {
        edits.change(
            first_value(select),
            Becomes::Other,
            build_ast::remove_schema,
        );
    });
    unexpected.expect_err("not a column");
}

#[test]
fn a_node_is_known_as_what_it_becomes() {
    let mut tree = parse("SELECT 'a'::text, ARRAY['b'], (SELECT 1)");
    let select = query(&mut tree);
    let values: Vec<&Node> = select.target_list.iter().map(value).collect();
    let [text, array, link] = values.as_slice() else {
        panic!("three values: {values:?}");
    };
    let mut edits = Edits::default();
    assert_eq!(edits.text_literal(text), Some("a"));
    assert!(edits.is_literal(text) && edits.array_elements(array).is_some());
    assert!(edits.is_sub_link(link) && !edits.is_sub_link(text));
    let Some(NodeEnum::TypeCast(cast)) = &text.node else {
        panic!("no cast: {text:?}");
    };
    // An edit between a literal and its cast counts as well.
    let literal = cast.arg.as_deref().expect("a literal");
    edits.wrap(literal, "fits", Vec::new());
    assert!(edits.is_wrapper_call(literal) && !edits.is_wrapper_call(text));
    assert_eq!(edits.text_literal(text), None);
    assert!(!edits.is_literal(text) && !edits.is_untyped_literal(literal));
    for edited in [array, link] {
        edits.replace(edited, Becomes::Other, build_ast::scalar_subquery);
    }
    assert!(edits.array_elements(array).is_none() && !edits.is_sub_link(link));
    edits.replace(array, Becomes::SubLink, build_ast::scalar_subquery);
    assert!(edits.is_sub_link(array));
}

/// Counts column references.
#[derive(Default)]
struct ColumnCounter(usize);

impl Visitor for ColumnCounter {
    fn leave_node(&mut self, node: &mut Node) -> CheckOutcome {
        self.0 += usize::from(matches!(node.node, Some(NodeEnum::ColumnRef(_))));
        Ok(())
    }

    fn leave_query(&mut self, _: &mut SelectStmt) {}
}

/// Each kind of node that a statement may contain, with a column in each of its places.
#[test]
fn every_place_of_an_expression_is_reached() {
    for text in [
        "SELECT store_id, sum(DISTINCT store_id ORDER BY store_id) FILTER (WHERE is_online) OVER (PARTITION BY store_id ORDER BY store_id ROWS BETWEEN store_id PRECEDING AND store_id FOLLOWING) FROM retail.stores WHERE is_online GROUP BY store_id, ROLLUP (store_id, (store_id, store_name)) HAVING max(store_id) > store_id WINDOW w AS (PARTITION BY store_name ORDER BY store_id) ORDER BY store_id LIMIT (SELECT store_id) OFFSET (SELECT store_id)",
        "SELECT DISTINCT ON (store_id) a.store_id IN (b.store_id, 1), a.store_id BETWEEN b.store_id AND a.store_id FROM retail.stores a JOIN (retail.stores b LEFT JOIN retail.orders o ON b.store_id = o.store_id) ON a.store_id = b.store_id",
        "WITH RECURSIVE r AS (SELECT store_id FROM retail.stores UNION ALL SELECT store_id FROM r) SELECT store_id FROM r UNION (SELECT store_id FROM r ORDER BY store_id)",
        "SELECT CASE store_id WHEN store_id THEN store_id ELSE store_id END, COALESCE(store_id, store_id), GREATEST(store_id, store_id), NULLIF(store_id, store_id), store_id IS NULL, is_online IS TRUE, NOT is_online, is_online AND is_online, store_name COLLATE \"C\", ROW(store_id, store_id), ARRAY[store_id, store_id], (ARRAY[store_id])[store_id:store_id], (jsonb_each(store_name::jsonb)).key, store_id::text, make_interval(days => store_id), grouping(store_id) FROM retail.stores",
        "SELECT store_id IN (SELECT store_id), EXISTS (SELECT store_id), ARRAY(SELECT store_id), (store_id, store_id) = (SELECT store_id, store_id), store_id = ANY (ARRAY[store_id]), store_name LIKE store_name ESCAPE store_name, store_name SIMILAR TO store_name FROM retail.stores",
        "SELECT g, e.key, v.a FROM retail.stores s TABLESAMPLE BERNOULLI (1), LATERAL (SELECT s.store_id) l(a), LATERAL generate_series(s.store_id, s.store_id) g, ROWS FROM (jsonb_each(s.store_name::jsonb), unnest(ARRAY[s.store_id])) e, (VALUES (1)) v(a)",
        "SELECT JSON_OBJECT(store_name: store_id), JSON_ARRAY(store_id, store_id), JSON_ARRAY(SELECT store_id FROM retail.stores), JSON_ARRAYAGG(store_id ORDER BY store_id) FILTER (WHERE is_online), JSON_OBJECTAGG(store_name: store_id) OVER (PARTITION BY store_id), JSON_SCALAR(store_id), JSON(store_name), JSON_VALUE(store_name, '$'), JSON_QUERY(store_name, '$'), JSON_EXISTS(store_name, '$'), store_name IS JSON FROM retail.stores",
        "SELECT j.a FROM retail.stores s, JSON_TABLE(s.store_name, '$' COLUMNS (a int PATH '$', NESTED PATH '$' COLUMNS (b text DEFAULT 'x' ON EMPTY))) j",
    ] {
        if let Err(refusal) = check(text)
            && !refusal.to_string().contains("grouping sets")
        {
            panic!("{text}\n  refused: {refusal}");
        }
        let mut tree = parse(text);
        let json = serde_json::to_string(&tree).expect("a tree as JSON");
        let mut counter = ColumnCounter::default();
        edit_tree::visit_query(query(&mut tree), &mut counter).expect("visited");
        assert_eq!(counter.0, json.matches("\"ColumnRef\":").count(), "{text}");
    }
}
