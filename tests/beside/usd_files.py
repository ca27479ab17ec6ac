#!/usr/bin/env python3
"""Writes the files of tests/golden/usd with Pixar's own library, and what it says of them.

Points are in the frame of the scene, by prim and in the order of the file; colors are those of vertices
in sRGB: means over their corners of the linear light that OpenUSD's specification says, textures sampled
at the pixel of each corner.

Run in an empty folder, from which the files are copied:

    pip install usd-core==26.11 numpy pillow
    python tests/beside/usd_files.py
"""

import json
import os

import numpy as np
from PIL import Image
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, UsdUtils, Vt

RANDOM = np.random.default_rng(1)
FLAT = Sdf.ValueTypeNames


def stage(name, up="Y", unit=1.0):
    made = Usd.Stage.CreateNew(name)
    UsdGeom.SetStageUpAxis(made, up)
    UsdGeom.SetStageMetersPerUnit(made, unit)
    root = UsdGeom.Xform.Define(made, "/Root")
    made.SetDefaultPrim(root.GetPrim())
    return made


def mesh(made, path, side, kind="Mesh"):
    x, z = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    points = np.stack([x, 0.1 * RANDOM.random(x.shape), z], -1).reshape(-1, 3).astype(np.float32)
    corners = []
    for i in range(side - 1):
        for j in range(side - 1):
            a = i * side + j
            corners += [a, a + 1, a + side + 1, a + side]
    shape = UsdGeom.Mesh.Define(made, path)
    shape.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    shape.CreateFaceVertexCountsAttr([4] * (len(corners) // 4))
    shape.CreateFaceVertexIndicesAttr(corners)
    return shape, points, corners


def random_colors(count):
    return Vt.Vec3fArray.FromNumpy(RANDOM.random((count, 3)).astype(np.float32))


def preview(made, path):
    material = UsdShade.Material.Define(made, path)
    shader = UsdShade.Shader.Define(made, path + "/Surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    material.CreateSurfaceOutput().ConnectToSource(shader.CreateOutput("surface", FLAT.Token))
    return material, shader.CreateInput("diffuseColor", FLAT.Color3f)


def textured(made, path, file):
    material, diffuse = preview(made, path)
    texture = UsdShade.Shader.Define(made, path + "/Texture")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", FLAT.Asset).Set(file)
    texture.CreateInput("wrapS", FLAT.Token).Set("repeat")
    reader = UsdShade.Shader.Define(made, path + "/Reader")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    name = material.CreateInput("frame:stPrimvarName", FLAT.Token)
    name.Set("map")
    reader.CreateInput("varname", FLAT.Token).ConnectToSource(name)
    texture.CreateInput("st", FLAT.Float2).ConnectToSource(reader.CreateOutput("result", FLAT.Float2))
    diffuse.ConnectToSource(texture.CreateOutput("rgb", FLAT.Float3))
    return material


def bind(shape, material):
    UsdShade.MaterialBindingAPI.Apply(shape.GetPrim()).Bind(material)


def meshes(name):
    made = stage(name, "Z", 0.01)
    outer = UsdGeom.Xform.Define(made, "/Root/Outer")
    outer.AddTranslateOp().Set((10, 20, 30))
    outer.AddRotateXYZOp().Set((10, 20, 30))
    outer.AddScaleOp().Set((2, 3, 4))
    inner = UsdGeom.Xform.Define(made, "/Root/Outer/Inner")
    inner.AddOrientOp().Set(Gf.Quatf(0.5, 0.1, -0.7, 0.5))
    inner.AddTranslateOp(opSuffix="pivot").Set((1, 2, 3))
    inner.AddRotateZOp().Set(33.0)
    inner.AddTranslateOp(opSuffix="pivot", isInverseOp=True)
    shape, points, _ = mesh(made, "/Root/Outer/Inner/Vertices", 6)
    shape.CreateDisplayColorPrimvar("vertex").Set(random_colors(len(points)))
    moving = UsdGeom.Xform.Define(made, "/Root/Moving")
    place = moving.AddTransformOp()
    turn = Gf.Matrix4d().SetRotate(Gf.Rotation(Gf.Vec3d(1, 2, 3), 40))
    place.Set(turn * Gf.Matrix4d().SetTranslate((5, 6, 7)), 1.0)
    place.Set(Gf.Matrix4d(1), 2.0)
    shape, _, corners = mesh(made, "/Root/Moving/Corners", 4)
    colors = shape.CreateDisplayColorPrimvar("faceVarying")
    colors.Set([(1, 0, 0), (0, 1, 0), (0, 0, 0.5)])
    colors.SetIndices(Vt.IntArray([k % 3 for k in range(len(corners))]))
    shape, _, corners = mesh(made, "/Root/Moving/Faces", 5)
    shape.CreateDisplayColorPrimvar("uniform").Set(random_colors(len(corners) // 4))
    UsdGeom.Xformable(shape).SetResetXformStack(True)
    mesh(made, "/Root/Unseen", 3)[0].CreateVisibilityAttr("invisible")
    mesh(made, "/Root/Off", 3)[0].GetPrim().SetActive(False)
    cloud = UsdGeom.Points.Define(made, "/Root/Cloud")
    cloud.CreatePointsAttr(random_colors(40))
    cloud.CreateDisplayColorAttr([(0.5, 0.25, 0.125)])
    box = UsdGeom.Cube.Define(made, "/Root/Box")
    box.CreateSizeAttr(3.0)
    box.AddTranslateOp().Set((1, 2, 3))
    box.CreateDisplayColorAttr([(0.2, 0.3, 0.4)])
    made.Save()


def pictured():
    rows, columns = np.mgrid[0:8, 0:16]
    Image.fromarray(np.stack([columns * 16, rows * 32, 0 * rows + 77], -1).astype(np.uint8)).save("picture.png")
    made = stage("pictured.usdc")
    shape, points, corners = mesh(made, "/Root/Shape", 5)
    places = UsdGeom.PrimvarsAPI(shape).CreatePrimvar("map", FLAT.TexCoord2fArray, "faceVarying")
    places.Set(Vt.Vec2fArray.FromNumpy((points[:, [0, 2]] * 0.9 + 0.03).astype(np.float32)))
    places.SetIndices(Vt.IntArray(corners))
    bind(shape, textured(made, "/Root/Look", "picture.png"))
    parts, _, _ = mesh(made, "/Root/Parts", 3)
    material, diffuse = preview(made, "/Root/Plain")
    diffuse.Set((0.5, 0.25, 1))
    bind(parts, material)
    material, diffuse = preview(made, "/Root/Other")
    diffuse.Set((0, 0.5, 0))
    subset = UsdGeom.Subset.CreateGeomSubset(parts, "some", "face", Vt.IntArray([0, 3]), "materialBind")
    bind(subset, material)
    made.Save()
    UsdUtils.CreateNewUsdzPackage("pictured.usdc", "pictured.usdz")


def room():
    os.makedirs("assets", exist_ok=True)
    wall = Usd.Stage.CreateNew("assets/Wall0.usda")
    wall.SetDefaultPrim(UsdGeom.Xform.Define(wall, "/Wall0").GetPrim())
    shape, _, _ = mesh(wall, "/Wall0/Shape", 3)
    material, diffuse = preview(wall, "/Wall0/White")
    diffuse.Set((0.9, 0.8, 0.7))
    bind(shape, material)
    wall.Save()
    chair = Usd.Stage.CreateNew("assets/Chair0.usda")
    chair.SetDefaultPrim(UsdGeom.Xform.Define(chair, "/Chair0").GetPrim())
    cube = UsdGeom.Cube.Define(chair, "/Chair0/Cube")
    cube.CreateSizeAttr(1)
    cube.AddScaleOp().Set((0.5, 0.9, 0.5))
    chair.Save()
    made = stage("room.usda")
    for number in range(3):
        prim = made.DefinePrim(f"/Root/Walls/Wall{number}", "Xform")
        prim.GetReferences().AddReference("./assets/Wall0.usda")
        UsdGeom.Xformable(prim).AddTransformOp().Set(Gf.Matrix4d().SetTranslate((number, 0, 2 * number)))
    prim = made.DefinePrim("/Root/Chair", "Xform")
    prim.GetPayloads().AddPayload("./assets/Chair0.usda")
    UsdGeom.Xformable(prim).AddTranslateOp().Set((1, 0.5, 1))
    prim = made.DefinePrim("/Root/Chair2", "Xform")
    prim.GetReferences().AddInternalReference("/Root/Chair")
    prim.GetAttribute("xformOp:translate").Set((3, 0.5, 1))
    prim = made.DefinePrim("/Root/Shelf", "Xform")
    looks = prim.GetVariantSets().AddVariantSet("look")
    for name, size in [("low", 1.0), ("high", 2.0)]:
        looks.AddVariant(name)
        looks.SetVariantSelection(name)
        with looks.GetVariantEditContext():
            UsdGeom.Cube.Define(made, "/Root/Shelf/Cube").CreateSizeAttr(size)
    made.CreateClassPrim("/Kind").CreateAttribute("visibility", FLAT.Token).Set("inherited")
    made.GetPrimAtPath("/Root/Shelf").GetInherits().AddInherit("/Kind")
    made.Save()
    UsdUtils.CreateNewUsdzPackage("room.usda", "room.usdz")
    binary = made.GetRootLayer()
    binary.Export("binary.usdc")
    UsdUtils.CreateNewUsdzPackage("binary.usdc", "references.usdz")


def linear(v):
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def srgb(v):
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * v ** (1 / 2.4) - 0.055)


def sampled(file, places):
    picture = np.asarray(Image.open(file), float) / 255
    height, width, _ = picture.shape
    at = places - np.floor(places)
    return linear(picture[((1 - at[:, 1]) * height).astype(int), (at[:, 0] * width).astype(int)])


def diffuse_of(prim):
    material, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()
    if not material:
        return None
    source = material.ComputeSurfaceSource()[0]
    return source.GetInput("diffuseColor")


def light_of_corners(prim, shape, corners, counts):
    face_of_corner = np.repeat(np.arange(len(counts)), counts)
    diffuse = diffuse_of(prim)
    if diffuse is None:
        colors = UsdGeom.PrimvarsAPI(prim).GetPrimvar("displayColor")
        if not colors or colors.Get() is None:
            return None
        values = np.array(colors.ComputeFlattened(), float)
        where = {"vertex": corners, "faceVarying": np.arange(len(corners)), "uniform": face_of_corner}
        return values[where.get(colors.GetInterpolation(), 0 * corners)]
    if diffuse.HasConnectedSource():
        places = UsdGeom.PrimvarsAPI(prim).GetPrimvar("map").ComputeFlattened()
        return sampled("picture.png", np.array(places, float))
    light = np.tile(np.array(diffuse.Get(), float), (len(corners), 1))
    for subset in UsdGeom.Subset.GetAllGeomSubsets(UsdGeom.Imageable(prim)):
        light[np.isin(face_of_corner, np.array(subset.GetIndicesAttr().Get()))] = diffuse_of(subset.GetPrim()).Get()
    return light


def answers(name):
    made = Usd.Stage.Open(name)
    time = Usd.TimeCode.EarliestTime()
    prims = {}
    for prim in made.Traverse():
        if not prim.IsA(UsdGeom.Gprim) or UsdGeom.Imageable(prim).ComputeVisibility(time) == "invisible":
            continue
        if prim.IsA(UsdGeom.Cube):
            half = UsdGeom.Cube(prim).GetSizeAttr().Get() / 2
            points = np.array([[x, y, z] for z in (-half, half) for y in (-half, half) for x in (-half, half)])
            counts, corners = [4] * 6, np.arange(24) % 8
        else:
            points = np.array(UsdGeom.PointBased(prim).GetPointsAttr().Get(time), float)
            counts, corners = [1] * len(points), np.arange(len(points))
            if prim.IsA(UsdGeom.Mesh):
                shape = UsdGeom.Mesh(prim)
                counts = np.array(shape.GetFaceVertexCountsAttr().Get())
                corners = np.array(shape.GetFaceVertexIndicesAttr().Get())
        light = light_of_corners(prim, prim, corners, counts)
        colors = None
        if light is not None:
            sums = np.zeros((len(points), 3))
            np.add.at(sums, corners, light)
            means = sums / np.bincount(corners, minlength=len(points))[:, None]
            colors = np.round(255 * srgb(means)).astype(int).tolist()
        matrix = np.array(UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(time))
        placed = np.c_[points, np.ones(len(points))] @ matrix
        prims[str(prim.GetPath())] = {
            "points": np.round(placed[:, :3], 4).tolist(),
            "colors": colors,
            "triangles": int(sum(max(count - 2, 0) for count in counts)),
        }
    return {"up": UsdGeom.GetStageUpAxis(made), "unit": UsdGeom.GetStageMetersPerUnit(made), "prims": prims}


if __name__ == "__main__":
    for name in ["meshes.usdc", "meshes.usda"]:
        RANDOM = np.random.default_rng(1)
        meshes(name)
    pictured()
    room()
    files = ["meshes.usdc", "meshes.usda", "pictured.usdz", "room.usdz", "references.usdz"]
    with open("answers.json", "w") as out:
        json.dump({name: answers(name) for name in files}, out, separators=(",", ":"))
