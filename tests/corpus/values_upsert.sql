-- VALUES of literals in every form that a column takes, and upserts with subqueries, conditions and both rows.

-- setup
CREATE TABLE v (id bigint PRIMARY KEY, small smallint, n int, big bigint, d numeric(12,2), f double precision, t text, c varchar(5), b boolean, day date, at timestamp, z timestamptz, u uuid, j jsonb);
CREATE TABLE other (id int PRIMARY KEY, amount numeric(12,2));
CREATE TABLE up (id int PRIMARY KEY, amount numeric(12,2) NOT NULL, label text DEFAULT 'none', hits int NOT NULL DEFAULT 1);
INSERT INTO v VALUES (1, 1, -2, 9223372036854775807, 12.345, 1.5, 'a', 'abcde', true, '2024-02-29', '2024-02-29 12:00:00.25', '2024-02-29 12:00:00+02', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{"b":1,"a":[1,2]}'), (2, NULL, NULL, -9223372036854775808, -0.005, -2, '', NULL, false, NULL, NULL, NULL, NULL, NULL);
INSERT INTO other VALUES (1, 5), (2, 7.25);
INSERT INTO up (id, amount) VALUES (1, 10), (2, 20.5);

-- view all_values
SELECT id, small, n, big, d, f, t, c, b, day, at, z, u, j FROM v

-- view ups
SELECT id, amount, label, hits FROM up

-- view up_sums
SELECT label, count(*) AS n, sum(amount) AS amount, sum(hits) AS hits FROM up GROUP BY label

-- step
INSERT INTO v (id, d, n, f) VALUES (3, 7, 1.5, 1), (4, 2.675, -1.5, 2.5), (5, .5, 2, 1e3), (6, NULL, NULL, NULL);
INSERT INTO v (id, n, d, f, b, day) VALUES ('7', '12', '1.005', '1e-3', 'yes', '2024-01-01'), ('8', '-12', ' 3 ', 'Infinity', 'off', NULL);

-- step
INSERT INTO v (id, t, j, u) VALUES (9, 'it''s', '[]', NULL), (10, 'ünï', '"x"', 'a0eebc999c0b4ef8bb6d6bb9bd380a12');
INSERT INTO v (id, n, t) VALUES (11, 1 + 1, 'x' || 'y'), (12, 5, lower('Z'));

-- step
INSERT INTO up (id, amount, label) VALUES (1, 1, 'x'), (3, 3.333, 'y'), (4, -4, NULL) ON CONFLICT (id) DO UPDATE SET amount = up.amount + excluded.amount, hits = up.hits + 1;

-- step
INSERT INTO up AS o (id, amount, label) VALUES (1, 1, 'z'), (2, 2, 'z'), (5, 5, 'z') ON CONFLICT (id) DO UPDATE SET amount = (SELECT max(amount) FROM other), label = excluded.label WHERE o.amount > 15;

-- step
INSERT INTO up (id, amount) SELECT id, amount FROM other ON CONFLICT (id) DO UPDATE SET amount = excluded.amount + (SELECT sum(other.amount) FROM other WHERE other.id = up.id), label = DEFAULT, hits = up.hits + (SELECT count(*)::int FROM up);

-- step
INSERT INTO up VALUES (1, 0, 'gone', 9), (6, 6, 'new', 6) ON CONFLICT DO NOTHING;
INSERT INTO up VALUES (1, 0.5, 'set', 9), (7, 6, 'new', 6) ON CONFLICT ON CONSTRAINT up_pkey DO UPDATE SET amount = excluded.amount, label = excluded.label;
