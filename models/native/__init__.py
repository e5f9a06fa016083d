"""SuDoRM-RF by native operators: see docs/native.md."""

from models.native.build import NotBuilt as NotBuilt
