-- What was learned from doors had a service by its port's number: sshd on 443 was "https". Nobody has said so, and nobody has probed
-- it. (Rows that were learned from a scan name no program and no user; their service may have been probed and stays, but is compared
-- with nothing, for nothing tells it from a looked-up one. New ones have the origin 'probed'.) A row that is there without the
-- name already leaves the other as it is.
UPDATE OR IGNORE open_ports SET service = '' WHERE origin = 'learned' AND service <> '' AND (exe <> '' OR user_name <> '');
