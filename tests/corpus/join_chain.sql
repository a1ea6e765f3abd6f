-- Chains of 3 to 5 tables (snowflake), several tables changed in one step, NULL and dangling keys.
-- setup
CREATE TABLE region (rid integer PRIMARY KEY, rname text);
CREATE TABLE nation (nid integer PRIMARY KEY, rid integer, nname text);
CREATE TABLE cust (cid integer PRIMARY KEY, nid integer, cname text);
CREATE TABLE ord (oid integer PRIMARY KEY, cid integer, odate date);
CREATE TABLE line (oid integer, item text, qty integer, price numeric(10,2));
INSERT INTO region VALUES (1, 'EU'), (2, 'AS'), (3, NULL);
INSERT INTO nation VALUES (10, 1, 'FR'), (11, 1, 'DE'), (20, 2, 'JP'), (30, NULL, 'XX');
INSERT INTO cust VALUES (100, 10, 'ann'), (101, 11, 'bob'), (102, 20, 'cho'), (103, NULL, 'dan'), (104, 30, 'eve');
INSERT INTO ord VALUES (1, 100, '2024-01-01'), (2, 100, '2024-01-02'), (3, 101, '2024-01-02'), (4, 102, '2024-02-01'), (5, NULL, '2024-02-02'), (6, 104, NULL);
INSERT INTO line VALUES (1, 'nut', 2, 1.50), (1, 'nut', 2, 1.50), (2, 'bolt', 10, 0.05), (3, 'cog', 1, 99.99), (4, 'nut', 7, 1.40), (6, 'cog', 1, 100.00), (77, 'lost', 1, 1.00);
-- view c3
SELECT c.cname, o.oid, l.item, l.qty FROM cust c JOIN ord o ON o.cid = c.cid JOIN line l ON l.oid = o.oid
-- view c5
SELECT r.rname, n.nname, c.cname, l.item, l.qty * l.price AS total FROM region r JOIN nation n ON n.rid = r.rid JOIN cust c ON c.nid = n.nid JOIN ord o ON o.cid = c.cid JOIN line l ON l.oid = o.oid WHERE l.qty > 1
-- view c5_agg
SELECT r.rname, o.odate, count(*) AS n, sum(l.qty * l.price) AS rev FROM region r, nation n, cust c, ord o, line l WHERE n.rid = r.rid AND c.nid = n.nid AND o.cid = c.cid AND l.oid = o.oid GROUP BY r.rname, o.odate
-- view c4_left
SELECT c.cname, n.nname, r.rname, o.oid FROM cust c LEFT JOIN nation n ON n.nid = c.nid LEFT JOIN region r ON r.rid = n.rid LEFT JOIN ord o ON o.cid = c.cid
-- view c_mixed
SELECT c.cname, x.oid, x.n FROM cust c LEFT JOIN (SELECT o.oid, o.cid, count(*) AS n FROM ord o JOIN line l ON l.oid = o.oid GROUP BY o.oid, o.cid) x ON x.cid = c.cid
-- step
INSERT INTO line VALUES (5, 'gear', 3, 2.25), (2, 'bolt', 10, 0.05);
UPDATE ord SET cid = 103 WHERE oid = 5;
-- step
UPDATE nation SET rid = 2 WHERE nid = 11;
UPDATE cust SET nid = 11 WHERE cid = 103;
DELETE FROM line WHERE item = 'nut' AND oid = 1;
-- step
DELETE FROM region WHERE rid = 1;
INSERT INTO ord VALUES (77, 101, '2024-02-02');
-- step
INSERT INTO region VALUES (1, 'Europe');
UPDATE line SET qty = qty + 1 WHERE item <> 'cog';
UPDATE cust SET cid = 200 WHERE cid = 100;
UPDATE ord SET cid = 200 WHERE cid = 100;
-- step
TRUNCATE line;
-- step
INSERT INTO line SELECT oid, 'auto', 2, 5.00 FROM ord;
DELETE FROM nation WHERE nid = 20;
