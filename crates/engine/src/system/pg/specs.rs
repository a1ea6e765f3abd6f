//! The columns of every relation of the catalog, with what stands in them where nothing else is said.

/// Relations of pg_catalog: name and columns, each `name type` or `name type=default`.
pub(super) const PG_CATALOG: &[(&str, &str)] = &[
    ("pg_namespace", "oid oid, nspname name, nspowner oid=10, nspacl text[]"),
    (
        "pg_class",
        "oid oid, relname name, relnamespace oid, reltype oid=0, reloftype oid=0, relowner oid=10, relam oid=0, \
         relfilenode oid=0, reltablespace oid=0, relpages int4=0, reltuples float4=-1, relallvisible int4=0, \
         reltoastrelid oid=0, relhasindex bool=f, relisshared bool=f, relpersistence char=p, relkind char, \
         relnatts int2=0, relchecks int2=0, relhasrules bool=f, relhastriggers bool=f, relhassubclass bool=f, \
         relrowsecurity bool=f, relforcerowsecurity bool=f, relispopulated bool=t, relreplident char=d, \
         relispartition bool=f, relrewrite oid=0, relfrozenxid text=0, relminmxid text=0, relacl text[], \
         reloptions text[], relpartbound text",
    ),
    (
        "pg_attribute",
        "attrelid oid, attname name, atttypid oid, attstattarget int4=-1, attlen int2, attnum int2, attndims int4=0, \
         attcacheoff int4=-1, atttypmod int4=-1, attbyval bool=f, attalign char=i, attstorage char=p, \
         attcompression char=, attnotnull bool=f, atthasdef bool=f, atthasmissing bool=f, attidentity char=, \
         attgenerated char=, attisdropped bool=f, attislocal bool=t, attinhcount int4=0, attcollation oid=0, \
         attacl text[], attoptions text[], attfdwoptions text[], attmissingval text",
    ),
    ("pg_attrdef", "oid oid, adrelid oid, adnum int2, adbin text"),
    (
        "pg_constraint",
        "oid oid, conname name, connamespace oid, contype char, condeferrable bool=f, condeferred bool=f, \
         convalidated bool=t, conrelid oid, contypid oid=0, conindid oid=0, conparentid oid=0, confrelid oid=0, \
         confupdtype char= , confdeltype char= , confmatchtype char= , conislocal bool=t, coninhcount int4=0, \
         connoinherit bool=t, conkey int2[], confkey int2[], conpfeqop oid[], conppeqop oid[], conffeqop oid[], \
         confdelsetcols int2[], conexclop oid[], conbin text",
    ),
    (
        "pg_index",
        "indexrelid oid, indrelid oid, indnatts int2, indnkeyatts int2, indisunique bool=t, \
         indnullsnotdistinct bool=f, indisprimary bool=f, indisexclusion bool=f, indimmediate bool=t, \
         indisclustered bool=f, indisvalid bool=t, indcheckxmin bool=f, indisready bool=t, indislive bool=t, \
         indisreplident bool=f, indkey int2[], indcollation oid[], indclass oid[], indoption int2vector, indexprs text, \
         indpred text",
    ),
    (
        "pg_type",
        "oid oid, typname name, typnamespace oid=11, typowner oid=10, typlen int2, typbyval bool=f, typtype char=b, \
         typcategory char, typispreferred bool=f, typisdefined bool=t, typdelim char=comma, typrelid oid=0, \
         typsubscript text, typelem oid=0, typarray oid=0, typinput text, typoutput text, typreceive oid=0, \
         typsend text, typmodin text, typmodout text, typanalyze text, typalign char=i, typstorage char=p, \
         typnotnull bool=f, typbasetype oid=0, typtypmod int4=-1, typndims int4=0, typcollation oid=0, \
         typdefaultbin text, typdefault text, typacl text[]",
    ),
    (
        "pg_database",
        "oid oid, datname name, datdba oid=10, encoding int4=6, datlocprovider char=c, datistemplate bool=f, \
         datallowconn bool=t, datconnlimit int4=-1, datfrozenxid text=0, datminmxid text=0, dattablespace oid=1663, \
         datcollate text=C, datctype text=C, daticulocale text, daticurules text, datcollversion text, datacl text[]",
    ),
    (
        "pg_roles",
        "rolname name, rolsuper bool=t, rolinherit bool=t, rolcreaterole bool=t, rolcreatedb bool=t, \
         rolcanlogin bool=t, rolreplication bool=f, rolconnlimit int4=-1, rolpassword text=********, \
         rolvaliduntil timestamptz, rolbypassrls bool=t, rolconfig text[], oid oid",
    ),
    (
        "pg_user",
        "usename name, usesysid oid, usecreatedb bool=t, usesuper bool=t, userepl bool=f, usebypassrls bool=t, \
         passwd text=********, valuntil timestamptz, useconfig text[]",
    ),
    ("pg_am", "oid oid, amname name, amhandler text, amtype char=t"),
    ("pg_tablespace", "oid oid, spcname name, spcowner oid=10, spcacl text[], spcoptions text[]"),
    (
        "pg_settings",
        "name text, setting text, unit text, category text, short_desc text, context text=user, \
      vartype text=string, source text=default, min_val text, max_val text, boot_val text, reset_val text",
    ),
    (
        "pg_extension",
        "oid oid, extname name, extowner oid, extnamespace oid, extrelocatable bool, extversion text, \
      extconfig oid[], extcondition text[]",
    ),
    ("pg_language", "oid oid, lanname name, lanowner oid=10, lanispl bool=f, lanpltrusted bool=t, lanacl text[]"),
    (
        "pg_tables",
        "schemaname name, tablename name, tableowner name=sluice, tablespace name, hasindexes bool, \
      hasrules bool=f, hastriggers bool=f, rowsecurity bool=f",
    ),
    ("pg_views", "schemaname name, viewname name, viewowner name=sluice, definition text"),
    (
        "pg_matviews",
        "schemaname name, matviewname name, matviewowner name=sluice, tablespace name, hasindexes bool=f, \
      ispopulated bool=t, definition text",
    ),
    ("pg_indexes", "schemaname name, tablename name, indexname name, tablespace name, indexdef text"),
    (
        "pg_opclass",
        "oid oid, opcmethod oid, opcname name, opcnamespace oid, opcowner oid, opcfamily oid, \
      opcintype oid, opcdefault bool=t, opckeytype oid",
    ),
    (
        "pg_collation",
        "oid oid, collname name, collnamespace oid, collowner oid, collprovider char, \
      collisdeterministic bool, collencoding int4, collcollate text, collctype text, colliculocale text, \
      collicurules text, collversion text",
    ),
    ("pg_description", "objoid oid, classoid oid, objsubid int4, description text"),
    ("pg_shdescription", "objoid oid, classoid oid, description text"),
    ("pg_enum", "oid oid, enumtypid oid, enumsortorder float4, enumlabel name"),
    (
        "pg_range",
        "rngtypid oid, rngsubtype oid, rngmultitypid oid, rngcollation oid, rngsubopc oid, \
      rngcanonical text, rngsubdiff text",
    ),
    (
        "pg_proc",
        "oid oid, proname name, pronamespace oid, proowner oid, prolang oid, procost float4, prorows float4, \
      provariadic oid, prosupport text, prokind char, prosecdef bool, proleakproof bool, proisstrict bool, \
      proretset bool, provolatile char, proparallel char, pronargs int2, pronargdefaults int2, prorettype oid, \
      proargtypes oid[], proallargtypes oid[], proargmodes text[], proargnames text[], prosrc text, probin text, \
      proacl text[]",
    ),
    ("pg_inherits", "inhrelid oid, inhparent oid, inhseqno int4, inhdetachpending bool"),
    (
        "pg_depend",
        "classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, refobjsubid int4, deptype char",
    ),
    (
        "pg_sequence",
        "seqrelid oid, seqtypid oid, seqstart int8, seqincrement int8, seqmax int8, seqmin int8, \
      seqcache int8, seqcycle bool",
    ),
    (
        "pg_trigger",
        "oid oid, tgrelid oid, tgparentid oid, tgname name, tgfoid oid, tgtype int2, tgenabled char, \
      tgisinternal bool, tgconstraint oid",
    ),
    ("pg_rewrite", "oid oid, rulename name, ev_class oid, ev_type char, ev_enabled char, is_instead bool"),
    (
        "pg_policy",
        "oid oid, polname name, polrelid oid, polcmd char, polpermissive bool, polroles oid[], \
      polqual text, polwithcheck text",
    ),
    (
        "pg_statistic_ext",
        "oid oid, stxrelid oid, stxname name, stxnamespace oid, stxowner oid, stxstattarget int4, \
      stxkeys int2[], stxkind text[]",
    ),
    (
        "pg_publication",
        "oid oid, pubname name, pubowner oid, puballtables bool, pubinsert bool, pubupdate bool, \
      pubdelete bool, pubtruncate bool, pubviaroot bool",
    ),
    ("pg_publication_namespace", "oid oid, pnpubid oid, pnnspid oid"),
    ("pg_publication_rel", "oid oid, prpubid oid, prrelid oid, prqual text, prattrs int2[]"),
    ("pg_subscription", "oid oid, subname name, subowner oid, subenabled bool"),
    ("pg_foreign_table", "ftrelid oid, ftserver oid, ftoptions text[]"),
    ("pg_foreign_server", "oid oid, srvname name, srvowner oid, srvfdw oid, srvtype text, srvversion text"),
    ("pg_foreign_data_wrapper", "oid oid, fdwname name, fdwowner oid, fdwhandler oid, fdwvalidator oid"),
    ("pg_auth_members", "oid oid, roleid oid, member oid, grantor oid, admin_option bool"),
    ("pg_conversion", "oid oid, conname name, connamespace oid, contoencoding int4"),
    ("pg_opfamily", "oid oid, opfmethod oid, opfname name, opfnamespace oid, opfowner oid"),
    ("pg_aggregate", "aggfnoid oid, aggkind char"),
    ("pg_event_trigger", "oid oid, evtname name, evtevent name, evtowner oid, evtfoid oid, evtenabled char"),
    ("pg_default_acl", "oid oid, defaclrole oid, defaclnamespace oid, defaclobjtype char, defaclacl text[]"),
    ("pg_db_role_setting", "setdatabase oid, setrole oid, setconfig text[]"),
    (
        "pg_stat_activity",
        "datid oid, datname name, pid int4, usename name, application_name text, state text, \
      query text",
    ),
];

/// Relations of information_schema.
pub(super) const INFORMATION_SCHEMA: &[(&str, &str)] = &[
    (
        "schemata",
        "catalog_name name=sluice, schema_name name, schema_owner name=sluice, \
      default_character_set_catalog name, default_character_set_schema name, default_character_set_name name, \
      sql_path text",
    ),
    (
        "tables",
        "table_catalog name=sluice, table_schema name, table_name name, table_type text, \
      self_referencing_column_name name, reference_generation text, user_defined_type_catalog name, \
      user_defined_type_schema name, user_defined_type_name name, is_insertable_into text, is_typed text=NO, \
      commit_action text",
    ),
    (
        "columns",
        "table_catalog name=sluice, table_schema name, table_name name, column_name name, \
      ordinal_position int4, column_default text, is_nullable text, data_type text, character_maximum_length int4, \
      character_octet_length int4, numeric_precision int4, numeric_precision_radix int4, numeric_scale int4, \
      datetime_precision int4, interval_type text, udt_catalog name=sluice, udt_schema name=pg_catalog, \
      udt_name name, dtd_identifier name, is_self_referencing text=NO, is_identity text=NO, \
      identity_generation text, is_generated text=NEVER, generation_expression text, is_updatable text",
    ),
    (
        "views",
        "table_catalog name=sluice, table_schema name, table_name name, view_definition text, \
      check_option text=NONE, is_updatable text=NO, is_insertable_into text=NO",
    ),
    (
        "table_constraints",
        "constraint_catalog name=sluice, constraint_schema name, constraint_name name, \
      table_catalog name=sluice, table_schema name, table_name name, constraint_type text, is_deferrable text=NO, \
      initially_deferred text=NO, enforced text=YES, nulls_distinct text",
    ),
    (
        "key_column_usage",
        "constraint_catalog name=sluice, constraint_schema name, constraint_name name, \
      table_catalog name=sluice, table_schema name, table_name name, column_name name, ordinal_position int4, \
      position_in_unique_constraint int4",
    ),
];
