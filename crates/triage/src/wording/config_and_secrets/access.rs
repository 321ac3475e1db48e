//! Wordings of refused logins, certificates and rights.

use crate::wording::Pattern;
use crate::wording::Place::{Condition, Event, Log, Status, Terminated};

/// A password that the server refuses: which side is wrong, the words leave open.
const REFUSED: &[&str] = &[STALE_ID, REJECTED_ID];
/// Trust that ended: a certificate or an authority was renewed, and somebody still holds the one before.
const UNTRUSTED: &[&str] = &[STALE_ID];
const STALE_ID: &str = "config-and-secrets/secret-rotated-stale";
const REJECTED_ID: &str = "config-and-secrets/credentials-rejected";
const ENCODING: &[&str] = &["config-and-secrets/secret-encoding-wrong"];
const REJECTED: &[&str] = &[REJECTED_ID];
/// A certificate that has run out, or one that was renewed and not loaded again.
const EXPIRED: &[&str] = &["config-and-secrets/certificate-expired", STALE_ID];
const DENIED: &[&str] = &["config-and-secrets/rbac-denied"];

const fn said(mechanisms: &'static [&'static str], message: &'static str) -> Pattern {
    Pattern {
        mechanisms,
        places: &[Log, Terminated, Condition, Status, Event],
        reasons: &[],
        message,
    }
}

/// The wordings.
pub(crate) const PATTERNS: &[Pattern] = &[
    // PostgreSQL, src/backend/libpq/auth.c (auth_failed). The server's own log (`… [pid] FATAL:  …`) speaks for its side alone.
    said(
        REJECTED,
        r#"(?i)(?:password|SCRAM|LDAP|PAM|RADIUS|GSSAPI|peer|ident|certificate) authentication failed for (?:the )?user ['"\\]*(?P<user>[^'"\s\\]*)"#,
    ),
    // The same as clients pass it on: libpq, pgx, PgJDBC, node-postgres, psycopg.
    said(
        REFUSED,
        r#"(?i)(?:^[^\[]*|exception.*|error.*|SQLSTATE.*|\bpq: |SASL.*|connect.*)(?:password|SCRAM|LDAP|PAM|RADIUS|GSSAPI|peer|ident|certificate) authentication failed for (?:the )?user"#,
    ),
    // PostgreSQL, src/backend/libpq/{auth,crypt}.c and hba.c; server side only.
    said(
        REJECTED,
        r#"(?i)role "[^"]*" (?:does not exist|is not permitted to log in)|user "[^"]*" has an expired password|no pg_hba\.conf entry for (?:host|replication)|pg_hba\.conf rejects connection"#,
    ),
    // MySQL and MariaDB, sql/share/errmsg-utf8.txt: ER_ACCESS_DENIED_ERROR, ER_MUST_CHANGE_PASSWORD_LOGIN, ER_ACCOUNT_HAS_BEEN_LOCKED.
    said(
        REFUSED,
        r"(?i)access denied for user ['`](?P<user>[^'`]*)['`]@['`][^'`]*['`](?: \(using password: YES\)|\s*$|[^(]*$)",
    ),
    said(
        &[
            "config-and-secrets/credentials-rejected",
            "config-and-secrets/env-injection-failed",
            "config-and-secrets/secret-rotated-stale",
        ],
        r"(?i)access denied for user .*\(using password: NO\)",
    ),
    said(
        REJECTED,
        r"(?i)Your password has expired|Account is locked\.|ORA-28000|ORA-28001|the account is locked|password has expired",
    ),
    // Redis, src/acl.c and src/server.c.
    said(
        REFUSED,
        r"(?i)\bWRONGPASS\b|invalid username-password pair|ERR invalid password|\bNOAUTH\b|AUTH failed: |called without any password configured",
    ),
    // MongoDB, src/mongo/db/auth: AuthenticationFailed (18); drivers wrap it.
    said(
        REFUSED,
        r"(?i)\(?AuthenticationFailed\)?|Authentication failed\.?(?:, full error| while| on|\s*$|[^a-z]*code)|SCRAM authentication failed|auth error: (?:sasl|unable to authenticate)|unable to authenticate using mechanism|MongoSecurityException|Exception authenticating MongoCredential",
    ),
    // Apache Kafka, SaslServerAuthenticator and clients; librdkafka.
    said(
        REFUSED,
        r"(?i)SaslAuthenticationException|SASL[ /_-]?\S* ?(?:authentication|handshake)? ?(?:failed|error)|invalid credentials with SASL|Invalid username or password|SASL authentication error",
    ),
    // RabbitMQ, rabbit_reader.erl; clients.
    said(
        REFUSED,
        r"(?i)ACCESS_REFUSED|login refused: user|PLAIN login refused|username or password not allowed",
    ),
    // SQL Server error 18456, Oracle ORA-01017, Db2 SQL30082N, Cassandra, ClickHouse 516.
    said(
        REFUSED,
        r"(?i)Login failed for (?:user|login)|ORA-01017|invalid username/password; logon denied|SQL30082N|Provided username \S+ and/or password are incorrect|AUTHENTICATION_FAILED|password is incorrect",
    ),
    // LDAP result code 49 (RFC 4511, 4.1.9); Active Directory sub-codes.
    said(
        REFUSED,
        r"(?i)LDAP Result Code 49|error code 49\b|INVALID_CREDENTIALS|Invalid credentials|bind failed: .*invalid credentials",
    ),
    // OAuth 2.0 (RFC 6749, 5.2), Microsoft Entra, AWS, Google, GitHub and mail servers (RFC 4954).
    said(
        REFUSED,
        r"(?i)\binvalid_client\b|\binvalid_grant\b|AADSTS7000215|AADSTS7000222|invalid client secret|client secret (?:keys )?.*expired",
    ),
    said(
        REFUSED,
        r"(?i)InvalidAccessKeyId|Access Key Id you provided does not exist|SignatureDoesNotMatch|security token included in the request is (?:invalid|expired)|\bExpiredToken\b|UnrecognizedClientException|InvalidClientTokenId|request signature we calculated does not match",
    ),
    said(
        REFUSED,
        r"(?i)\bbad credentials\b|BadCredentialsException|(?:invalid|incorrect|wrong|unknown|revoked|expired) (?:api[ _-]?key|api[ _-]?token|access[ _-]?token|auth(?:entication)?[ _-]?token|credentials|password|secret key|bearer token)\b|API key (?:is |was )?(?:not valid|invalid|expired|revoked|not found)|authentication credentials (?:were not|invalid)|\b535 5\.7\.\d|Username and Password not accepted",
    ),
    said(
        REFUSED,
        r"(?i)(?:failed to authenticate|unable to authenticate) (?:user|with|against|to )|authentication (?:failure|error|rejected|denied)\b|(?:status|code|HTTP|HTTP/1\.1|response)[ :=]*\(?401\b|401 Unauthorized|401 Client Error|\b401\b.*(?:unauthori[sz]ed|authenticat)|Unauthorized: (?:invalid|bad|wrong)",
    ),
    // Keys that sign and verify tokens: jjwt, golang-jwt, jsonwebtoken, PyJWT.
    said(
        REFUSED,
        r"(?i)JWT signature does not match|token signature is invalid|signature is invalid|JsonWebTokenError: invalid signature|Signature verification failed|error in cryptographic primitive|\[crypto/aead\]|cipher: message authentication failed|bad decrypt",
    ),
    // A renewed certificate or authority that one side has not loaded: crypto/x509, crypto/tls, OpenSSL.
    said(
        UNTRUSTED,
        r"(?i)certificate signed by unknown authority|tls: bad certificate|certificate verify failed: (?:unable to get|self.signed|certificate (?:has expired|signature))|unknown certificate authority|candidate authority certificate|PKIX path building failed|sslv3 alert (?:bad certificate|certificate unknown)",
    ),
    // encoding/base64 (Go), binascii (Python), java.util.Base64, atob, kube-apiserver's decoder of Secrets.
    said(
        ENCODING,
        r#"(?i)illegal base64 data at input byte|Incorrect padding|Invalid base64-encoded string|Illegal base64 character|Input byte array has (?:incorrect|wrong)|Last unit does not have enough valid bits|not correctly encoded|invalid base64|base64 decod(?:e|ing)\b.*(?:fail|error|invalid)|(?:fail\w*|error|cannot|could not|unable) (?:to )?(?:base64[- ])?decod\w+ .*base64|Invalid (?:byte|symbol|character|padding|last symbol)[^"]{0,20}(?:offset|, offset)|base64: invalid input"#,
    ),
    // Header values with a line break: net/http, requests and http.client, undici/_http_outgoing, OkHttp, Netty.
    said(
        ENCODING,
        r#"(?i)invalid header field value|Invalid header value b?['"]|return character\(s\) in header|Invalid character in header content|ERR_INVALID_CHAR|Unexpected char 0x0[ad] at \d+ in|Illegal character.{0,30}header|header value contains .*(?:\\n|newline|prohibited)|invalid control character in URL|contains a newline|credential url cannot be parsed|://[^\s'"]*(?:\\n|%0[Aa])|Illegal character in .* at index \d+: .*\\n|LocalProtocolError: Illegal header value"#,
    ),
    // Keys and certificates that are no PEM after one decoding: crypto/tls, OpenSSL, Java, cert-manager.
    said(
        ENCODING,
        r"(?i)failed to find any PEM data|PEM routines:.*no start line|no start line|(?:failed|unable|could not|error|cannot).{0,40}(?:decode|parse|load).{0,20}\bPEM\b|Invalid PEM|no PEM (?:data|block)|PEM block (?:was not )?found|does not contain PEM|InvalidKeyException: |asn1: structure error|(?:unable to|could not|couldn't|failed to) (?:load|parse|decode|deserialize) (?:the )?(?:private |public |ssh |rsa |server )?key\b|Could not deserialize key data|invalid private key|error decoding private key|DECODER routines::unsupported",
    ),
    said(
        ENCODING,
        r#"(?i)(?:password|token|secret|key|credential)s?\b.{0,60}(?:trailing|contains?|ends? (?:in|with)).{0,20}(?:newline|line ?break|whitespace|line feed|\\n|carriage return)|(?:trailing|unexpected) (?:newline|whitespace|line feed|line ?break).{0,60}(?:password|token|secret|key|credential)"#,
    ),
    // Go crypto/x509 (CertificateInvalidError), OpenSSL X509_V_ERR_CERT_HAS_EXPIRED, Node, Java, rustls, schannel.
    said(
        EXPIRED,
        r"(?i)certificate has expired|CERT_HAS_EXPIRED|cert(?:ificate)?[ _]expired|expired certificate|CertificateExpiredException|NotAfter: |validity check failed|CERT_DATE_INVALID|ERR_CERT_EXPIRED|SSL_ERROR_EXPIRED|CertExpired|InvalidCertificate\(Expired|certificate (?:is|was|already) expired|certificate.{0,40}(?:expired|is not valid after|no longer valid)|tls: expired|TLS alert.*expired",
    ),
    // cert-manager, pkg/controller/certificates/trigger/policies: reasons of Ready and Issuing; ingress-nginx controller.go.
    Pattern {
        mechanisms: EXPIRED,
        places: &[Condition, Status, Event],
        reasons: &[
            "Expired",
            "Renewing",
            "Failed",
            "DoesNotExist",
            "IncorrectCertificate",
            "CertificateExpired",
            "OrderFailed",
            "InProgress",
            "Pending",
            "ErrInitIssuer",
            "IssuerNotReady",
        ],
        message: r"(?i)Certificate expired on|certificate request has failed to complete|Renewing certificate as renewal was scheduled|certificate will be renewed|expired|Failed to wait for order|Issuer .* not (?:ready|found)|renewal",
    },
    said(
        EXPIRED,
        r"(?i)SSL certificate for server .* is about to expire|certificate (?:for|of) .* (?:expires|expired|will expire)|error renewing|renewal failed|failed to renew|unable to renew|certificate_expired",
    ),
    // k8s.io/apiserver, pkg/endpoints/handlers/responsewriters/errors.go (forbiddenMessage) and rbac.
    said(
        DENIED,
        r#"(?:(?P<resource>[a-z0-9.*]+)(?: "[^"]*")? is forbidden: )?User "(?P<user>[^"]+)" cannot (?P<verb>[a-z*]+) resource "(?P<what>[^"]+)" in API group "(?P<group>[^"]*)"(?: in the namespace "(?P<namespace>[^"]+)"| at the cluster scope)?"#,
    ),
    said(
        DENIED,
        r#"(?i)User "[^"]+" cannot (?:get|list|watch|create|update|patch|delete|deletecollection|impersonate|use|bind|escalate|post|put|head|options)\b|attempting to grant RBAC permissions not currently held|Configured service account doesn't have access|service account .* (?:lacks|does not have|doesn't have|is not allowed|has no).{0,40}(?:permission|access|right)|RBAC: (?:access denied|clusterrole|role)|no RBAC policy matched|(?:missing|insufficient) (?:RBAC )?(?:permissions?|privileges?|rights) .*(?:list|watch|get|create|update|patch|delete)"#,
    ),
    said(
        DENIED,
        r"(?i)(?:pods|secrets|configmaps|services|endpoints|nodes|deployments|leases|events|namespaces|jobs|[a-z]+\.[a-z0-9.-]+) is forbidden: User|Failure executing: (?:GET|POST|PUT|PATCH|DELETE) at: https?://\S+\. Message: (?:Forbidden|.* is forbidden)|ApiException: \(403\)|\(403\)\s*Reason: Forbidden|Failed to watch .*: failed to list .*: .* is forbidden",
    ),
];
