//! Maps a type's OID to the form of JSON that its values become.
//!
//! The OIDs of built-in types never change. Those of other types differ between databases, so the
//! values of such types become strings of their text form.

/// The form of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Single(Scalar),
    /// An array: the form of its elements, and the delimiter between them.
    Array(Scalar, u8),
}

/// The form of a value that is not an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Boolean,
    /// A number, if every JSON parser keeps its exact value.
    Integer,
    /// A number, if it is finite.
    Float,
    /// The document itself.
    Json,
    /// A string.
    Text,
}

impl Form {
    /// The form of a type (`pg_type.oid`).
    pub(super) fn from_oid(type_oid: u32) -> Self {
        match ARRAYS.binary_search_by_key(&type_oid, |(array, _)| *array) {
            Ok(index) => {
                let element = ARRAYS[index].1;
                // `pg_type.typdelim`: box is the only built-in type whose delimiter is not a comma.
                let delimiter = if element == BOX { b';' } else { b',' };
                Self::Array(Scalar::from_oid(element), delimiter)
            }
            Err(_) => Self::Single(Scalar::from_oid(type_oid)),
        }
    }
}

impl Scalar {
    fn from_oid(type_oid: u32) -> Self {
        match type_oid {
            16 => Self::Boolean,
            // int8, int2, int4, oid
            20 | 21 | 23 | 26 => Self::Integer,
            // float4, float8
            700 | 701 => Self::Float,
            // json, jsonb
            114 | 3802 => Self::Json,
            _ => Self::Text,
        }
    }
}

const BOX: u32 = 603;

/// The OIDs of the array types and their element types, from `pg_type.dat` of PostgreSQL 16 to 18,
/// sorted.
///
/// `int2vector` and `oidvector` are not array types here: their text form is not that of an array.
/// An integration test compares this table with the server's types, so that a new version with more
/// of them is noticed.
const ARRAYS: &[(u32, u32)] = &[
    (143, 142),   // xml
    (199, 114),   // json
    (271, 5069),  // xid8
    (629, 628),   // line
    (651, 650),   // cidr
    (719, 718),   // circle
    (775, 774),   // macaddr8
    (791, 790),   // money
    (1000, 16),   // bool
    (1001, 17),   // bytea
    (1002, 18),   // char
    (1003, 19),   // name
    (1005, 21),   // int2
    (1006, 22),   // int2vector
    (1007, 23),   // int4
    (1008, 24),   // regproc
    (1009, 25),   // text
    (1010, 27),   // tid
    (1011, 28),   // xid
    (1012, 29),   // cid
    (1013, 30),   // oidvector
    (1014, 1042), // bpchar
    (1015, 1043), // varchar
    (1016, 20),   // int8
    (1017, 600),  // point
    (1018, 601),  // lseg
    (1019, 602),  // path
    (1020, 603),  // box
    (1021, 700),  // float4
    (1022, 701),  // float8
    (1027, 604),  // polygon
    (1028, 26),   // oid
    (1034, 1033), // aclitem
    (1040, 829),  // macaddr
    (1041, 869),  // inet
    (1115, 1114), // timestamp
    (1182, 1082), // date
    (1183, 1083), // time
    (1185, 1184), // timestamptz
    (1187, 1186), // interval
    (1231, 1700), // numeric
    (1263, 2275), // cstring
    (1270, 1266), // timetz
    (1561, 1560), // bit
    (1563, 1562), // varbit
    (2201, 1790), // refcursor
    (2207, 2202), // regprocedure
    (2208, 2203), // regoper
    (2209, 2204), // regoperator
    (2210, 2205), // regclass
    (2211, 2206), // regtype
    (2287, 2249), // record
    (2949, 2970), // txid_snapshot
    (2951, 2950), // uuid
    (3221, 3220), // pg_lsn
    (3643, 3614), // tsvector
    (3644, 3642), // gtsvector
    (3645, 3615), // tsquery
    (3735, 3734), // regconfig
    (3770, 3769), // regdictionary
    (3807, 3802), // jsonb
    (3905, 3904), // int4range
    (3907, 3906), // numrange
    (3909, 3908), // tsrange
    (3911, 3910), // tstzrange
    (3913, 3912), // daterange
    (3927, 3926), // int8range
    (4073, 4072), // jsonpath
    (4090, 4089), // regnamespace
    (4097, 4096), // regrole
    (4192, 4191), // regcollation
    (5039, 5038), // pg_snapshot
    (6150, 4451), // int4multirange
    (6151, 4532), // nummultirange
    (6152, 4533), // tsmultirange
    (6153, 4534), // tstzmultirange
    (6155, 4535), // datemultirange
    (6157, 4536), // int8multirange
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn array_types_are_sorted_and_found() {
        assert!(ARRAYS.is_sorted_by(|one, next| one.0 < next.0));
        assert_eq!(Form::from_oid(1020), Form::Array(Scalar::Text, b';'));
        assert_eq!(Form::from_oid(1007), Form::Array(Scalar::Integer, b','));
        assert_eq!(Form::from_oid(22), Form::Single(Scalar::Text));
    }
}
