//! USD layers as text that are odd or lie, each with its right answer.

use super::{
    super::Answer::{Refused, Silent, Warned},
    binary,
    files::TEXT,
    *,
};

/// The text with another text in place of one that it has.
fn change(from: &str, to: &str) -> Vec<u8> {
    replaced(TEXT.as_bytes(), from, to)
}

/// The text with more in its root prim.
fn more(text: &str) -> Vec<u8> {
    change("    def Mesh", &format!("{text}\n    def Mesh"))
}

/// The text with more in its mesh.
fn of_mesh(text: &str) -> Vec<u8> {
    change(
        "int[] faceVertexCounts",
        &format!("{text}\n int[] faceVertexCounts"),
    )
}

/// What is odd about the words of a text.
fn words() -> Vec<Case> {
    cases([
        ("right", TEXT.into(), Silent(4, 2)),
        (
            "nothing else",
            b"#usda 1.0\n".to_vec(),
            Refused("no points"),
        ),
        (
            "remarks",
            more("# a } in a remark\n// and { here\n"),
            Silent(4, 2),
        ),
        (
            "a string with a brace",
            more("custom string a = \"}\""),
            Silent(4, 2),
        ),
        (
            "a string with quotes",
            more("string a = \"\\\"}\""),
            Silent(4, 2),
        ),
        (
            "a long string",
            more("string a = \"\"\"}\n\"}\n\"\"\""),
            Silent(4, 2),
        ),
        (
            "a string without an end",
            more("string a = \"x"),
            Refused("in place of a word"),
        ),
        (
            "an asset without an end",
            more("asset a = @x"),
            Refused("a @ has no end"),
        ),
        (
            "a path without an end",
            more("rel a = </x"),
            Refused("a < has no end"),
        ),
        (
            "a list without an end",
            change("[3, 3]", "[3, 3"),
            Refused("ends within a prim"),
        ),
        (
            "not closed",
            change("    }\n}", "    }\n"),
            Refused("ends within a prim"),
        ),
        (
            "closed twice",
            change("    }\n}", "    }\n}}"),
            Refused("a `}` closes nothing"),
        ),
        (
            "not opened",
            change("def Mesh \"M\"\n    {", "def Mesh \"M\"\n"),
            Refused("in place of `{`"),
        ),
        (
            "no name",
            change("\"M\"", ""),
            Refused("`{` in place of a string"),
        ),
        (
            "no type",
            change("def Mesh \"M\"", "def \"M\""),
            Refused("no points"),
        ),
        (
            "no value",
            change("[3, 3]", ""),
            Refused("`[` in place of a word"),
        ),
        (
            "a word too many",
            more("float a b = 1"),
            Refused("line 13: `=` in place of a word"),
        ),
        (
            "not UTF-8",
            with(TEXT.as_bytes(), 40, &[0xff]),
            Refused("no UTF-8 from byte 40 on"),
        ),
        (
            "deep",
            [TEXT, &"def \"a\" {".repeat(300)].concat().into(),
            Refused("more than 128 prims deep"),
        ),
        (
            "deep and closed",
            [TEXT, &"def \"a\" {".repeat(200), &"}".repeat(200)]
                .concat()
                .into(),
            Refused("more than 128 prims deep"),
        ),
        (
            "brackets",
            more(&format!("int[] a = {}", "[".repeat(50_000))),
            Refused("has no end"),
        ),
        (
            "metadata without an end",
            change("kind = \"component\"\n)", ""),
            Refused("`{` in place of a word"),
        ),
        (
            "an edit of a list",
            more("reorder nameChildren = [\"M\"]"),
            Silent(4, 2),
        ),
        (
            "without remarks",
            change("\n    \"made by hand\"", ""),
            Silent(4, 2),
        ),
        (
            "a dictionary",
            change("kind =", "customData = { string a = \")\" }\n kind ="),
            Silent(4, 2),
        ),
    ])
}

/// What is odd about the meshes of a text.
fn meshes() -> Vec<Case> {
    let many: String = (0..3000)
        .map(|i| format!("def Cube \"c{i}\" {{}}\n"))
        .collect();
    cases([
        (
            "no points",
            change("point3f[] points =", "point3f[] other ="),
            Refused("1 prims have no points"),
        ),
        (
            "points of two numbers",
            change("point3f[]", "texCoord2f[]"),
            Refused("no points"),
        ),
        (
            "eleven numbers",
            change("(0, 1, 0)]", "(0, 1)]"),
            Refused("no multiple of 3"),
        ),
        (
            "a word among points",
            change("(1, 1, 0)", "(1, x, 0)"),
            Refused("`x` is not a number"),
        ),
        (
            "not finite",
            change("(1, 1, 0)", "(1, nan, 0)"),
            Warned(3, 0, "no finite"),
        ),
        (
            "far",
            change("(1, 1, 0)", "(1, 1e30, 0)"),
            Warned(3, 0, "no finite"),
        ),
        (
            "blocked",
            change("= [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]", "= None"),
            Refused("no points"),
        ),
        (
            "half of a face",
            change("[3, 3]", "[3, 2.5]"),
            Refused("`2.5` is not a number"),
        ),
        (
            "a face of -1",
            change("[3, 3]", "[3, -1]"),
            Refused("has a face of -1 corners"),
        ),
        (
            "a huge face",
            change("[3, 3]", "[3, 2000000000]"),
            Refused("has a face of 2000000000 corners"),
        ),
        (
            "too many faces",
            change("[3, 3]", "[3, 3, 3]"),
            Refused("its faces need more"),
        ),
        ("fewer faces", change("[3, 3]", "[3]"), Silent(3, 1)),
        ("a face of two", change("[3, 3]", "[3, 1, 2]"), Silent(4, 1)),
        ("a pentagon", change("[3, 3]", "[5]"), Silent(3, 3)),
        ("no faces", change("[3, 3]", "[]"), Silent(4, 0)),
        (
            "corner 4",
            change("0, 2, 3]", "0, 2, 4]"),
            Warned(3, 1, "1 corners name no vertex"),
        ),
        (
            "corner -1",
            change("0, 2, 3]", "0, 2, -1]"),
            Warned(3, 1, "not a point"),
        ),
        (
            "corner 1e18",
            change("0, 2, 3]", "0, 2, 1000000000000000000]"),
            Warned(3, 1, "not a point"),
        ),
        (
            "left hand",
            of_mesh("token orientation = \"leftHanded\""),
            Silent(4, 2),
        ),
        (
            "one color",
            of_mesh("color3f[] primvars:displayColor = [(1, 0, 0)]"),
            Silent(4, 2),
        ),
        (
            "two colors",
            of_mesh(
                "color3f[] primvars:displayColor = [(1, 0, 0), (1, 1, 0)] (\n interpolation = \"uniform\"\n)",
            ),
            Silent(4, 2),
        ),
        (
            "too few colors",
            of_mesh("color3f[] primvars:displayColor = [(1, 0, 0)] ( interpolation = \"vertex\" )"),
            Warned(4, 2, "3 of 4 points have no known colour"),
        ),
        (
            "colors beyond",
            of_mesh(
                "color3f[] primvars:displayColor = [(1, 0, 0)]\nint[] primvars:displayColor:indices = [0, 7, -2, 0] (\n interpolation = \"vertex\" )",
            ),
            Warned(4, 2, "2 of 4"),
        ),
        (
            "no color",
            of_mesh("color3f[] primvars:displayColor = [(nan, 0, 0)]"),
            Silent(4, 2),
        ),
        (
            "over time",
            change(
                "points = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]",
                "points.timeSamples = { 1: [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], 2: [] }",
            ),
            Warned(4, 2, "1 values change over time"),
        ),
        (
            "no time",
            change(
                "points = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]",
                "points.timeSamples = { }",
            ),
            Refused("no points"),
        ),
        (
            "a sphere",
            change("def Mesh", "def Sphere"),
            Refused("1 Sphere were left out"),
        ),
        (
            "a sphere more",
            more("def Sphere \"S\" {}"),
            Warned(4, 2, "1 Sphere were left out; shapes that are read are"),
        ),
        ("many cubes", more(&many), Silent(24_004, 36_002)),
        (
            "a cube of nothing",
            more("def Cube \"C\" { double size = nan }"),
            Warned(4, 2, "no finite"),
        ),
        (
            "invisible",
            of_mesh("token visibility = \"invisible\""),
            Refused("1 prims that are invisible"),
        ),
        (
            "inactive",
            change(
                "    def Mesh \"M\"",
                "    def Mesh \"M\" ( active = false )",
            ),
            Refused("1 inactive prims"),
        ),
        (
            "a guide",
            of_mesh("uniform token purpose = \"guide\""),
            Refused("stand in for others"),
        ),
        (
            "over",
            change("    def Mesh", "    over Mesh"),
            Refused("no points"),
        ),
        (
            "class",
            change("    def Mesh", "    class Mesh"),
            Refused("no points"),
        ),
        ("upAxis X", change("\"Z\"", "\"X\""), Silent(4, 2)),
        (
            "unit 0",
            change("= 0.5", "= 0"),
            Warned(4, 2, "its unit is 0 m"),
        ),
        ("no unit", change("metersPerUnit = 0.5", ""), Silent(4, 2)),
    ])
}

/// What is odd about transforms, references and materials.
fn prims() -> Vec<Case> {
    let moved = |text: &str| {
        of_mesh(&format!(
            "{text}\n uniform token[] xformOpOrder = [\"xformOp:a\", \"xformOp:translate\", \"xformOp:transform\", \"xformOp:orient\", \"xformOp:rotateXYZ\"]"
        ))
    };
    let bomb: String = (0..40).map(|i| {
        let next = i + 1;
        format!("def \"b{i}\" {{ def \"x\" (references = </b{next}>) {{}}\n def \"y\" (references = </b{next}>) {{}} }}\n")
    }).collect();
    let bomb = [TEXT, &bomb, "def Cube \"b40\" {}\n"].concat();
    let listed = format!(
        "def \"R\" (references = [{}]) {{}}",
        "</Root/M>, ".repeat(70)
    );
    let look = "def Material \"L\" { token outputs:surface.connect = </Root/L/S.outputs:surface>\n def Shader \"S\" { uniform token info:id = \"UsdPreviewSurface\"\n color3f inputs:diffuseColor.connect = </Root/L/S.inputs:diffuseColor> } }";
    let bound = |look: &str| {
        let text = String::from_utf8(more(look)).unwrap();
        replaced(
            text.as_bytes(),
            "int[] faceVertexCounts",
            "rel material:binding = </Root/L>\n int[] faceVertexCounts",
        )
    };
    cases([
        ("operations that are not there", moved(""), Silent(4, 2)),
        ("a matrix of two numbers", moved("double2 xformOp:transform = (1, 2)"), Silent(4, 2)),
        ("a matrix of nothing", moved("matrix4d xformOp:transform = ( (0,0,0,0), (0,0,0,0), (0,0,0,0), (0,0,0,0) )"), Silent(4, 2)),
        ("no rotation", moved("quatf xformOp:orient = (0, 0, 0, 0)"), Silent(4, 2)),
        ("a rotation without end", moved("float3 xformOp:rotateXYZ = (inf, 0, 0)"), Refused("finite")),
        ("a move of nothing", moved("double3 xformOp:translate = (nan, 0, 0)"), Refused("finite")),
        ("itself", change("def Xform \"Root\" (", "def Xform \"Root\" ( references = </Root>"), Warned(4, 2, "`Root` refer to prims that are not there, or that they are in")),
        ("what it is in", change("def Mesh \"M\"", "def Mesh \"M\" ( references = </Root> )"), Warned(4, 2, "`M` refer to prims")),
        ("each other", more("def \"A\" ( references = </Root/B> ) {}\n def \"B\" ( references = </Root/A> ) {}"), Silent(4, 2)),
        ("each other's children", [TEXT, "def \"A\" { def \"x\" ( references = </B> ) {} }\n def \"B\" { def \"y\" ( references = </A> ) {} }"].concat().into(), Refused("more than 128 prims deep")),
        ("a bomb of references", bomb.into(), Refused("its references show more than")),
        ("nowhere", more("def \"A\" ( references = </Nowhere> ) {}"), Warned(4, 2, "`A` refer to prims")),
        ("another copy", more("def \"A\" ( references = </Root/M> ) {}"), Silent(8, 4)),
        ("a copy that is inactive", more("def \"A\" ( references = </Root/M>\n active = false ) {}"), Warned(4, 2, "inactive")),
        ("a copy that is inherited", more("def \"A\" ( inherits = </Root/M> ) {}"), Silent(8, 4)),
        ("a list of references", more(&listed), Refused("more than 64 items")),
        ("a reference that was deleted", more("def \"A\" ( delete references = </Root/M> ) {}"), Silent(4, 2)),
        ("another file", more("def \"A\" ( references = @./a.usda@</x> ) {}"), Warned(4, 2, "what is in `./a.usda` was left out")),
        ("a file above", more("def \"A\" ( payload = @../../etc/a.usda@ ) {}"), Warned(4, 2, "was left out")),
        ("a layer above", change("upAxis", "subLayers = [ @b.usda@ ]\n upAxis"), Warned(4, 2, "`b.usda`")),
        ("a variant", more("def \"V\" ( variants = { string v = \"b\" } ) { variantSet \"v\" = { \"a\" {} \"b\" { def Cube \"c\" {} } } }"), Silent(12, 14)),
        ("no variant", more("def \"V\" ( variants = { string v = \"c\" } ) { variantSet \"v\" = { \"a\" {} \"b\" { def Cube \"c\" {} } } }"), Silent(4, 2)),
        ("instances", more("def PointInstancer \"P\" { def Cube \"c\" {} }"), Warned(4, 2, "1 PointInstancer")),
        ("a material that is not there", bound(""), Silent(4, 2)),
        ("a connection to itself", bound(look), Silent(4, 2)),
        ("a picture that is not there", bound(&look.replace("/S.inputs:diffuseColor>", "/T.outputs:rgb>\n } def Shader \"T\" { uniform token info:id = \"UsdUVTexture\"\n asset inputs:file = @a.png@")), Warned(4, 2, "what is in `a.png` was left out")),
    ])
}

#[test]
fn files_have_their_right_answers() {
    // the vertices and corners that every file may show
    let allowed = Memory {
        always: 8 << 20,
        per_byte: 512,
    };
    let of_text = [words(), meshes(), prims()];
    let all = [of_text.concat(), binary::crate_files(), binary::packages()];
    assert_family("USD", allowed, &all.concat());
}
