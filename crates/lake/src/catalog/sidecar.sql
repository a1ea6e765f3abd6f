-- What Sluice keeps beside DuckLake's tables, in the same transactions.
CREATE TABLE IF NOT EXISTS sluice_format(version INTEGER);
CREATE TABLE IF NOT EXISTS sluice_object(object_id BIGINT, kind VARCHAR, begin_snapshot BIGINT, end_snapshot BIGINT,
  definition VARCHAR);
CREATE TABLE IF NOT EXISTS sluice_sequence(sequence_id BIGINT PRIMARY KEY, last_value BIGINT);
CREATE TABLE IF NOT EXISTS sluice_position(source VARCHAR PRIMARY KEY, position VARCHAR);
CREATE TABLE IF NOT EXISTS sluice_role(name VARCHAR PRIMARY KEY, role_id BIGINT, verifier VARCHAR);
CREATE TABLE IF NOT EXISTS sluice_tick(snapshot_id BIGINT PRIMARY KEY, tick_time_micros BIGINT, held VARCHAR);
CREATE TABLE IF NOT EXISTS sluice_history(table_id BIGINT, second BIGINT, action VARCHAR, rows_inserted BIGINT,
  rows_deleted BIGINT, duration_micros BIGINT, error VARCHAR, PRIMARY KEY(table_id, second, action));

CREATE INDEX IF NOT EXISTS sluice_ix_object ON sluice_object(object_id);
CREATE INDEX IF NOT EXISTS sluice_ix_table ON ducklake_table(table_id);
CREATE INDEX IF NOT EXISTS sluice_ix_column ON ducklake_column(table_id, column_id);
CREATE INDEX IF NOT EXISTS sluice_ix_table_stats ON ducklake_table_stats(table_id);
CREATE INDEX IF NOT EXISTS sluice_ix_column_stats ON ducklake_table_column_stats(table_id, column_id);
CREATE INDEX IF NOT EXISTS sluice_ix_data_file ON ducklake_data_file(table_id, begin_snapshot);
CREATE INDEX IF NOT EXISTS sluice_ix_delete_file ON ducklake_delete_file(table_id, begin_snapshot);
CREATE INDEX IF NOT EXISTS sluice_ix_file_stats ON ducklake_file_column_stats(table_id, column_id);
CREATE INDEX IF NOT EXISTS sluice_ix_schema_versions ON ducklake_schema_versions(table_id);
CREATE INDEX IF NOT EXISTS sluice_ix_history ON sluice_history(second);
