-- A result signed with a key that is registered belongs to the key's user; one that has a user keeps him.
UPDATE meta m
JOIN pubkeys p ON CAST(m.value AS BINARY) = CAST(CONCAT(p.format, ' ', p.pubkey) AS BINARY)
LEFT JOIN meta u ON u.test_id = m.test_id AND u.meta_key = 'user'
SET m.meta_key = 'user', m.value = p.openid
WHERE m.meta_key = 'public_key' AND u._id IS NULL;
