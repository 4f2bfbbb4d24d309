//! Every kind of node that the grammar has, decided: what the walk does not visit is refused here by name.

use pg_query::NodeEnum;

use super::refusal::Refusal;

/// The refusal of a node that no query here may hold. Exhaustive: a kind that a new grammar adds does not compile until
/// somebody has decided about it.
pub(super) fn refusal(node: &NodeEnum) -> Refusal {
    let (what, mend) = match node {
        NodeEnum::ParamRef(_) => ("a parameter", "write the value into the text"),
        NodeEnum::XmlExpr(_) | NodeEnum::XmlSerialize(_) => ("XML", "use text or JSON functions"),
        NodeEnum::RangeTableFunc(_) | NodeEnum::RangeTableFuncCol(_) => (
            "XMLTABLE",
            "use JSON functions such as jsonb_array_elements",
        ),
        NodeEnum::RangeTableSample(_) => (
            "TABLESAMPLE",
            "take a random sample by ORDER BY random() LIMIT n",
        ),
        NodeEnum::JsonTable(_) | NodeEnum::JsonTableColumn(_) | NodeEnum::JsonTablePathSpec(_) => {
            ("JSON_TABLE", "use jsonb_array_elements and ->>")
        }
        NodeEnum::JsonFuncExpr(_) => (
            "JSON_VALUE, JSON_QUERY or JSON_EXISTS",
            "use ->, ->> or jsonb_path_query",
        ),
        NodeEnum::JsonParseExpr(_) => ("JSON(…)", "cast the text, as in x::jsonb"),
        NodeEnum::JsonScalarExpr(_) => ("JSON_SCALAR", "use to_jsonb"),
        NodeEnum::JsonSerializeExpr(_) => ("JSON_SERIALIZE", "cast to text, as in x::text"),
        NodeEnum::JsonObjectConstructor(_) => ("JSON_OBJECT", "use jsonb_build_object"),
        NodeEnum::JsonArrayConstructor(_) => ("JSON_ARRAY", "use jsonb_build_array"),
        NodeEnum::JsonArrayQueryConstructor(_) => {
            ("JSON_ARRAY of a query", "use jsonb_agg in a sub-select")
        }
        NodeEnum::JsonObjectAgg(_) => ("JSON_OBJECTAGG", "use jsonb_object_agg"),
        NodeEnum::JsonArrayAgg(_) => ("JSON_ARRAYAGG", "use jsonb_agg"),
        NodeEnum::CtesearchClause(_) => ("SEARCH", "order by a column that the recursion counts"),
        NodeEnum::CtecycleClause(_) => ("CYCLE", "count the depth, and end the recursion by it"),
        NodeEnum::LockingClause(_) => (
            "FOR UPDATE / FOR SHARE",
            "leave it out; nothing can be changed here",
        ),
        NodeEnum::IntoClause(_) => (
            "SELECT … INTO",
            "leave INTO out; the rows come back as the result",
        ),
        NodeEnum::CurrentOfExpr(_) => ("CURRENT OF", "name the rows by a condition"),
        NodeEnum::SetToDefault(_) => ("DEFAULT", "write the value"),
        NodeEnum::MultiAssignRef(_) => ("an assignment", "only reading is possible here"),
        NodeEnum::MergeSupportFunc(_) => ("MERGE", "only reading is possible here"),
        // Statements that stand where a query should.
        NodeEnum::RawStmt(_)
        | NodeEnum::InsertStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::MergeStmt(_)
        | NodeEnum::SetOperationStmt(_)
        | NodeEnum::ReturnStmt(_)
        | NodeEnum::PlassignStmt(_)
        | NodeEnum::CreateSchemaStmt(_)
        | NodeEnum::AlterTableStmt(_)
        | NodeEnum::ReplicaIdentityStmt(_)
        | NodeEnum::AlterCollationStmt(_)
        | NodeEnum::AlterDomainStmt(_)
        | NodeEnum::GrantStmt(_)
        | NodeEnum::GrantRoleStmt(_)
        | NodeEnum::AlterDefaultPrivilegesStmt(_)
        | NodeEnum::CopyStmt(_)
        | NodeEnum::VariableSetStmt(_)
        | NodeEnum::VariableShowStmt(_)
        | NodeEnum::CreateStmt(_)
        | NodeEnum::CreateTableSpaceStmt(_)
        | NodeEnum::DropTableSpaceStmt(_)
        | NodeEnum::AlterTableSpaceOptionsStmt(_)
        | NodeEnum::AlterTableMoveAllStmt(_)
        | NodeEnum::CreateExtensionStmt(_)
        | NodeEnum::AlterExtensionStmt(_)
        | NodeEnum::AlterExtensionContentsStmt(_)
        | NodeEnum::CreateFdwStmt(_)
        | NodeEnum::AlterFdwStmt(_)
        | NodeEnum::CreateForeignServerStmt(_)
        | NodeEnum::AlterForeignServerStmt(_)
        | NodeEnum::CreateForeignTableStmt(_)
        | NodeEnum::CreateUserMappingStmt(_)
        | NodeEnum::AlterUserMappingStmt(_)
        | NodeEnum::DropUserMappingStmt(_)
        | NodeEnum::ImportForeignSchemaStmt(_)
        | NodeEnum::CreatePolicyStmt(_)
        | NodeEnum::AlterPolicyStmt(_)
        | NodeEnum::CreateAmStmt(_)
        | NodeEnum::CreateTrigStmt(_)
        | NodeEnum::CreateEventTrigStmt(_)
        | NodeEnum::AlterEventTrigStmt(_)
        | NodeEnum::CreatePlangStmt(_)
        | NodeEnum::CreateRoleStmt(_)
        | NodeEnum::AlterRoleStmt(_)
        | NodeEnum::AlterRoleSetStmt(_)
        | NodeEnum::DropRoleStmt(_)
        | NodeEnum::CreateSeqStmt(_)
        | NodeEnum::AlterSeqStmt(_)
        | NodeEnum::DefineStmt(_)
        | NodeEnum::CreateDomainStmt(_)
        | NodeEnum::CreateOpClassStmt(_)
        | NodeEnum::CreateOpFamilyStmt(_)
        | NodeEnum::AlterOpFamilyStmt(_)
        | NodeEnum::DropStmt(_)
        | NodeEnum::TruncateStmt(_)
        | NodeEnum::CommentStmt(_)
        | NodeEnum::SecLabelStmt(_)
        | NodeEnum::DeclareCursorStmt(_)
        | NodeEnum::ClosePortalStmt(_)
        | NodeEnum::FetchStmt(_)
        | NodeEnum::IndexStmt(_)
        | NodeEnum::CreateStatsStmt(_)
        | NodeEnum::AlterStatsStmt(_)
        | NodeEnum::CreateFunctionStmt(_)
        | NodeEnum::AlterFunctionStmt(_)
        | NodeEnum::DoStmt(_)
        | NodeEnum::CallStmt(_)
        | NodeEnum::RenameStmt(_)
        | NodeEnum::AlterObjectDependsStmt(_)
        | NodeEnum::AlterObjectSchemaStmt(_)
        | NodeEnum::AlterOwnerStmt(_)
        | NodeEnum::AlterOperatorStmt(_)
        | NodeEnum::AlterTypeStmt(_)
        | NodeEnum::RuleStmt(_)
        | NodeEnum::NotifyStmt(_)
        | NodeEnum::ListenStmt(_)
        | NodeEnum::UnlistenStmt(_)
        | NodeEnum::TransactionStmt(_)
        | NodeEnum::CompositeTypeStmt(_)
        | NodeEnum::CreateEnumStmt(_)
        | NodeEnum::CreateRangeStmt(_)
        | NodeEnum::AlterEnumStmt(_)
        | NodeEnum::ViewStmt(_)
        | NodeEnum::LoadStmt(_)
        | NodeEnum::CreatedbStmt(_)
        | NodeEnum::AlterDatabaseStmt(_)
        | NodeEnum::AlterDatabaseRefreshCollStmt(_)
        | NodeEnum::AlterDatabaseSetStmt(_)
        | NodeEnum::DropdbStmt(_)
        | NodeEnum::AlterSystemStmt(_)
        | NodeEnum::ClusterStmt(_)
        | NodeEnum::VacuumStmt(_)
        | NodeEnum::ExplainStmt(_)
        | NodeEnum::CreateTableAsStmt(_)
        | NodeEnum::RefreshMatViewStmt(_)
        | NodeEnum::CheckPointStmt(_)
        | NodeEnum::DiscardStmt(_)
        | NodeEnum::LockStmt(_)
        | NodeEnum::ConstraintsSetStmt(_)
        | NodeEnum::ReindexStmt(_)
        | NodeEnum::CreateConversionStmt(_)
        | NodeEnum::CreateCastStmt(_)
        | NodeEnum::CreateTransformStmt(_)
        | NodeEnum::PrepareStmt(_)
        | NodeEnum::ExecuteStmt(_)
        | NodeEnum::DeallocateStmt(_)
        | NodeEnum::DropOwnedStmt(_)
        | NodeEnum::ReassignOwnedStmt(_)
        | NodeEnum::AlterTsdictionaryStmt(_)
        | NodeEnum::AlterTsconfigurationStmt(_)
        | NodeEnum::CreatePublicationStmt(_)
        | NodeEnum::AlterPublicationStmt(_)
        | NodeEnum::CreateSubscriptionStmt(_)
        | NodeEnum::AlterSubscriptionStmt(_)
        | NodeEnum::DropSubscriptionStmt(_) => (
            "a statement that does more than read",
            "send one SELECT, WITH … SELECT, VALUES or TABLE statement",
        ),
        // Parts of such statements, and what only PostgreSQL's later stages make: the parser gives none of them in a query.
        NodeEnum::Alias(_)
        | NodeEnum::TableFunc(_)
        | NodeEnum::Var(_)
        | NodeEnum::Param(_)
        | NodeEnum::Aggref(_)
        | NodeEnum::WindowFunc(_)
        | NodeEnum::WindowFuncRunCondition(_)
        | NodeEnum::SubscriptingRef(_)
        | NodeEnum::FuncExpr(_)
        | NodeEnum::OpExpr(_)
        | NodeEnum::DistinctExpr(_)
        | NodeEnum::NullIfExpr(_)
        | NodeEnum::ScalarArrayOpExpr(_)
        | NodeEnum::SubPlan(_)
        | NodeEnum::AlternativeSubPlan(_)
        | NodeEnum::FieldSelect(_)
        | NodeEnum::FieldStore(_)
        | NodeEnum::RelabelType(_)
        | NodeEnum::CoerceViaIo(_)
        | NodeEnum::ArrayCoerceExpr(_)
        | NodeEnum::ConvertRowtypeExpr(_)
        | NodeEnum::CollateExpr(_)
        | NodeEnum::CaseTestExpr(_)
        | NodeEnum::ArrayExpr(_)
        | NodeEnum::RowCompareExpr(_)
        | NodeEnum::JsonFormat(_)
        | NodeEnum::JsonReturning(_)
        | NodeEnum::JsonValueExpr(_)
        | NodeEnum::JsonConstructorExpr(_)
        | NodeEnum::JsonBehavior(_)
        | NodeEnum::JsonExpr(_)
        | NodeEnum::JsonTablePath(_)
        | NodeEnum::JsonTablePathScan(_)
        | NodeEnum::JsonTableSiblingJoin(_)
        | NodeEnum::MergeAction(_)
        | NodeEnum::CoerceToDomain(_)
        | NodeEnum::CoerceToDomainValue(_)
        | NodeEnum::NextValueExpr(_)
        | NodeEnum::InferenceElem(_)
        | NodeEnum::ReturningExpr(_)
        | NodeEnum::TargetEntry(_)
        | NodeEnum::RangeTblRef(_)
        | NodeEnum::FromExpr(_)
        | NodeEnum::OnConflictExpr(_)
        | NodeEnum::Query(_)
        | NodeEnum::TypeName(_)
        | NodeEnum::RoleSpec(_)
        | NodeEnum::ColumnDef(_)
        | NodeEnum::TableLikeClause(_)
        | NodeEnum::IndexElem(_)
        | NodeEnum::DefElem(_)
        | NodeEnum::PartitionElem(_)
        | NodeEnum::PartitionSpec(_)
        | NodeEnum::PartitionBoundSpec(_)
        | NodeEnum::PartitionRangeDatum(_)
        | NodeEnum::PartitionCmd(_)
        | NodeEnum::RangeTblEntry(_)
        | NodeEnum::RtepermissionInfo(_)
        | NodeEnum::RangeTblFunction(_)
        | NodeEnum::TableSampleClause(_)
        | NodeEnum::WithCheckOption(_)
        | NodeEnum::SortGroupClause(_)
        | NodeEnum::WindowClause(_)
        | NodeEnum::RowMarkClause(_)
        | NodeEnum::WithClause(_)
        | NodeEnum::InferClause(_)
        | NodeEnum::OnConflictClause(_)
        | NodeEnum::CommonTableExpr(_)
        | NodeEnum::MergeWhenClause(_)
        | NodeEnum::ReturningOption(_)
        | NodeEnum::ReturningClause(_)
        | NodeEnum::TriggerTransition(_)
        | NodeEnum::JsonOutput(_)
        | NodeEnum::JsonArgument(_)
        | NodeEnum::JsonKeyValue(_)
        | NodeEnum::JsonAggConstructor(_)
        | NodeEnum::AlterTableCmd(_)
        | NodeEnum::AtalterConstraint(_)
        | NodeEnum::ObjectWithArgs(_)
        | NodeEnum::AccessPriv(_)
        | NodeEnum::Constraint(_)
        | NodeEnum::CreateOpClassItem(_)
        | NodeEnum::StatsElem(_)
        | NodeEnum::FunctionParameter(_)
        | NodeEnum::InlineCodeBlock(_)
        | NodeEnum::CallContext(_)
        | NodeEnum::VacuumRelation(_)
        | NodeEnum::PublicationTable(_)
        | NodeEnum::PublicationObjSpec(_)
        | NodeEnum::IntList(_)
        | NodeEnum::OidList(_) => ("this construct", PLAIN),
        // What the walk visits, in a place where it does not look for it.
        NodeEnum::AConst(_)
        | NodeEnum::Integer(_)
        | NodeEnum::Float(_)
        | NodeEnum::Boolean(_)
        | NodeEnum::String(_)
        | NodeEnum::BitString(_)
        | NodeEnum::AStar(_)
        | NodeEnum::ColumnRef(_)
        | NodeEnum::SqlvalueFunction(_)
        | NodeEnum::SelectStmt(_)
        | NodeEnum::RangeVar(_)
        | NodeEnum::RangeSubselect(_)
        | NodeEnum::RangeFunction(_)
        | NodeEnum::JoinExpr(_)
        | NodeEnum::ResTarget(_)
        | NodeEnum::AExpr(_)
        | NodeEnum::BoolExpr(_)
        | NodeEnum::FuncCall(_)
        | NodeEnum::SubLink(_)
        | NodeEnum::TypeCast(_)
        | NodeEnum::CaseExpr(_)
        | NodeEnum::CaseWhen(_)
        | NodeEnum::CoalesceExpr(_)
        | NodeEnum::MinMaxExpr(_)
        | NodeEnum::NullTest(_)
        | NodeEnum::BooleanTest(_)
        | NodeEnum::RowExpr(_)
        | NodeEnum::AArrayExpr(_)
        | NodeEnum::AIndices(_)
        | NodeEnum::AIndirection(_)
        | NodeEnum::NamedArgExpr(_)
        | NodeEnum::List(_)
        | NodeEnum::SortBy(_)
        | NodeEnum::GroupingSet(_)
        | NodeEnum::GroupingFunc(_)
        | NodeEnum::WindowDef(_)
        | NodeEnum::CollateClause(_)
        | NodeEnum::JsonIsPredicate(_) => ("this construct", PLAIN),
    };
    Refusal::construct_but(what, mend)
}

const PLAIN: &str = "write the query as a plain SELECT over the retail tables";
